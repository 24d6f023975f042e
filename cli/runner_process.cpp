#include "cli/runner_process.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <sys/wait.h>
#include <unistd.h>

#include "common/base/spawn.hpp"
#include "common/json/json_look.hpp"
#include "common/json/json_text.hpp"

namespace argosy::cli {

using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr const char* program = "argosy-runner";
constexpr std::size_t max_answer_bytes = 256 << 10;

bool is_program(const fs::path& path) {
  return ::access(path.c_str(), X_OK) == 0 && fs::is_regular_file(path);
}

std::vector<fs::path> places() {
  std::vector<fs::path> found;
  std::error_code failed;
  const fs::path self = fs::read_symlink("/proc/self/exe", failed);
  if (!failed) {
    found.push_back(self.parent_path() / program);
    found.push_back(self.parent_path().parent_path() / "agent" / program);
  }
  const char* path = std::getenv("PATH");
  std::string_view left = path == nullptr ? "" : path;
  while (!left.empty()) {
    const auto colon = std::min(left.find(':'), left.size());
    if (colon > 0) found.push_back(fs::path(left.substr(0, colon)) / program);
    left.remove_prefix(std::min(colon + 1, left.size()));
  }
  return found;
}

Result<Child> start(const fs::path& runner, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), runner.string());
  auto child = spawn({.arguments = std::move(arguments), .group = ChildProgram::Group::ours});
  if (!child) return make_error(Errc::unavailable, child.error().message);
  return child;
}

// What it prints until it closes its end; what is too long is cut, and no JSON then.
std::string read_answer(int fd) {
  std::string answer;
  char buffer[4096];
  for (;;) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return answer;
    if (answer.size() < max_answer_bytes) answer.append(buffer, static_cast<std::size_t>(got));
  }
}

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

Result<fs::path> find_runner(const std::string& named) {
  if (!named.empty()) {
    if (is_program(named)) return fs::path(named);
    return make_error(Errc::not_found, named + " is not a program: --runner names argosy-runner");
  }
  for (const fs::path& place : places())
    if (is_program(place)) return place;
  return make_error(Errc::not_found,
                    "argosy-runner, which tries the model, is neither beside this program nor in PATH: name it with "
                    "--runner, or validate by weights alone with --weights-only");
}

Result<json> run_runner(const fs::path& runner, std::vector<std::string> arguments) {
  ARGOSY_TRY(const Child child, start(runner, std::move(arguments)));
  const std::string answer = read_answer(child.output.get());
  const int status = wait_for(child.pid);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) return make_error(Errc::cancelled, "cancelled");
  auto document = parse_json(answer, {.bytes = max_answer_bytes + 4096});
  if (!document || !member(*document, "ok").is_boolean())
    return make_error(Errc::unavailable,
                      runner.string() + " ended " +
                          (WIFSIGNALED(status) ? "by signal " + std::to_string(WTERMSIG(status))
                                               : "with exit code " + std::to_string(WEXITSTATUS(status))) +
                          " and without an answer: is it of this version?");
  if (member(*document, "ok") == false)
    return make_error(Errc::incompatible, text_in(member(*document, "error"), "message"));
  return document;
}

}  // namespace argosy::cli
