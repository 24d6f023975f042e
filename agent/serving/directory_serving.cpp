#include "agent/serving/directory_serving.hpp"

#include <cerrno>
#include <charconv>
#include <chrono>
#include <vector>

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/types.h>
#include <sys/wait.h>

#include "common/base/file.hpp"

extern char** environ;

namespace argosy::agent {

namespace {

using Clock = std::chrono::steady_clock;

std::optional<pid_t> read_pid(const std::filesystem::path& file) {
  const auto text = read_file(file, 64);
  if (!text) return std::nullopt;
  pid_t pid = 0;
  const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), pid);
  if (failed != std::errc{} || pid <= 1) return std::nullopt;
  return pid;
}

// Absent: the program is not running and reads `current` when it starts, so that is no failure.
Result<void> signal_program(const std::filesystem::path& pid_file) {
  const auto pid = read_pid(pid_file);
  if (!pid || ::kill(*pid, SIGHUP) == 0 || errno == ESRCH) return {};
  return errno_error("cannot signal process " + std::to_string(*pid) + " of " + pid_file.string(), errno);
}

std::vector<std::string> environment_of(const Placement& placement) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  environment.push_back("ARGOSY_MODEL=" + placement.model);
  environment.push_back("ARGOSY_VERSION=" + placement.version);
  environment.push_back("ARGOSY_PATH=" + (placement.folder / "current").string());
  return environment;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

Result<int> wait_for(pid_t pid, Clock::time_point deadline) {
  int status = 0;
  bool killed = false;
  for (;;) {
    const pid_t ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == pid && killed) return make_error(Errc::timeout, "the reload command took too long and was killed");
    if (ended == pid) return status;
    if (ended < 0 && errno != EINTR) return errno_error("cannot wait for the reload command", errno);
    if (!killed && Clock::now() >= deadline) {
      ::kill(-pid, SIGKILL);
      killed = true;
    }
    ::poll(nullptr, 0, 5);
  }
}

Result<void> run_command(const std::string& command, const Placement& placement, int timeout_s) {
  std::vector<std::string> arguments = {"/bin/sh", "-c", command};
  std::vector<std::string> environment = environment_of(placement);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t ignored_here;
  sigemptyset(&ignored_here);
  sigaddset(&ignored_here, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &ignored_here);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  const int failed = ::posix_spawn(&pid, "/bin/sh", nullptr, &attributes, pointers_to(arguments).data(),
                                   pointers_to(environment).data());
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) return errno_error("cannot start the reload command", failed);
  ARGOSY_TRY(const int status, wait_for(pid, Clock::now() + std::chrono::seconds(timeout_s)));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return make_error(Errc::unavailable, "the reload command '" + command + "' ended with " +
                                           (WIFEXITED(status) ? "exit code " + std::to_string(WEXITSTATUS(status))
                                                              : "signal " + std::to_string(WTERMSIG(status))));
}

}  // namespace

Result<void> DirectoryServing::tell_program(const Placement& placement) const {
  if (options_.reload_pid_file) ARGOSY_CHECK(signal_program(*options_.reload_pid_file));
  if (options_.reload_command.empty()) return {};
  return run_command(options_.reload_command, placement, options_.command_timeout_s);
}

namespace {

// Also after a failure: the link may have been swapped and only its sync have failed.
bool leads_to(const Placement& placement) {
  std::error_code failed;
  return std::filesystem::read_symlink(placement.folder / "current", failed).filename() == placement.slot;
}

}  // namespace

std::optional<SwitchFailure> DirectoryServing::switch_to(const Placement& placement) {
  auto linked = replace_symlink(placement.folder / "current", placement.slot);
  if (!linked) return SwitchFailure{std::move(linked).error(), leads_to(placement)};
  auto told = tell_program(placement);
  if (!told) return SwitchFailure{std::move(told).error(), true};
  return std::nullopt;
}

bool DirectoryServing::program_is_down() const {
  if (!options_.reload_pid_file) return false;
  const auto pid = read_pid(*options_.reload_pid_file);
  return pid && ::kill(*pid, 0) != 0 && errno == ESRCH;
}

}  // namespace argosy::agent
