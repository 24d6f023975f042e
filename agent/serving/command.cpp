#include "agent/serving/command.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/file.hpp"

extern char** environ;

namespace argosy::agent {

namespace {

using Clock = std::chrono::steady_clock;

std::vector<std::string> whole_environment(const Command& command) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  for (const auto& [name, value] : command.environment) environment.push_back(name + "=" + value);
  return environment;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// A running command, and the reading end of what it says to standard error.
struct Running {
  pid_t pid = -1;
  UniqueFd words;
};

Result<Running> start(const Command& command) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return errno_error("cannot make a pipe", errno);
  Running running;
  running.words.reset(ends[0]);
  const UniqueFd writing(ends[1]);
  ::fcntl(writing.get(), F_SETFL, 0);  // only the reader must not wait

  std::vector<std::string> arguments = {"/bin/sh", "-c", command.text};
  std::vector<std::string> environment = whole_environment(command);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, writing.get(), STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t ignored_here;
  sigemptyset(&ignored_here);
  sigaddset(&ignored_here, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &ignored_here);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
  const int failed = ::posix_spawn(&running.pid, "/bin/sh", &files, &attributes, pointers_to(arguments).data(),
                                   pointers_to(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0) return errno_error("cannot start " + command.name, failed);
  return running;
}

// Takes what is there; only the last of it is kept.
void take_words(int fd, std::string& last) {
  char piece[512];
  for (ssize_t got = 0; (got = ::read(fd, piece, sizeof piece)) > 0;) {
    last.append(piece, static_cast<std::size_t>(got));
    if (last.size() > Command::words_limit) last.erase(0, last.size() - Command::words_limit);
  }
}

Result<int> wait_for(const Running& running, const Command& command, std::string& last_words) {
  const auto deadline = Clock::now() + command.time_limit;
  int status = 0;
  bool killed = false;
  for (;;) {
    const pid_t ended = ::waitpid(running.pid, &status, WNOHANG);
    take_words(running.words.get(), last_words);
    if (ended == running.pid && killed)
      return make_error(Errc::timeout, command.name + " took too long and was killed");
    if (ended == running.pid) return status;
    if (ended < 0 && errno != EINTR) return errno_error("cannot wait for " + command.name, errno);
    if (!killed && Clock::now() >= deadline) {
      ::kill(-running.pid, SIGKILL);
      killed = true;
    }
    ::poll(nullptr, 0, 5);
  }
}

std::string how_it_ended(int status) {
  return WIFEXITED(status) ? "exit code " + std::to_string(WEXITSTATUS(status))
                           : "signal " + std::to_string(WTERMSIG(status));
}

std::string one_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  return text;
}

}  // namespace

Result<void> run_command(const Command& command) {
  ARGOSY_TRY(const Running running, start(command));
  std::string words;
  ARGOSY_TRY(const int status, wait_for(running, command, words));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  std::string message = command.name + " '" + command.text + "' ended with " + how_it_ended(status);
  if (const std::string said = one_line(std::move(words)); !said.empty()) message += ": " + said;
  return make_error(Errc::unavailable, std::move(message));
}

}  // namespace argosy::agent
