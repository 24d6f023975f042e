#include "agent/serving/command.hpp"

#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/spawn.hpp"

namespace argosy::agent {

namespace {

using Clock = std::chrono::steady_clock;

Result<Child> start(const Command& command) {
  auto child = spawn({.arguments = {"/bin/sh", "-c", command.text},
                      .environment = command.environment,
                      .read = ChildProgram::Output::errors});
  if (!child) return std::move(child).error().within(command.name);
  ::fcntl(child->output.get(), F_SETFL, O_NONBLOCK);
  return child;
}

// Takes what is there; only the last of it is kept.
void take_words(int fd, std::string& last) {
  char piece[512];
  for (ssize_t got = 0; (got = ::read(fd, piece, sizeof piece)) > 0;) {
    last.append(piece, static_cast<std::size_t>(got));
    if (last.size() > Command::words_limit) last.erase(0, last.size() - Command::words_limit);
  }
}

Result<int> wait_for(const Child& running, const Command& command, std::string& last_words) {
  const auto deadline = Clock::now() + command.time_limit;
  int status = 0;
  bool killed = false;
  for (;;) {
    const pid_t ended = ::waitpid(running.pid, &status, WNOHANG);
    take_words(running.output.get(), last_words);
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
  ARGOSY_TRY(const Child running, start(command));
  std::string words;
  ARGOSY_TRY(const int status, wait_for(running, command, words));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  std::string message = command.name + " '" + command.text + "' ended with " + how_it_ended(status);
  if (const std::string said = one_line(std::move(words)); !said.empty()) message += ": " + said;
  return make_error(Errc::unavailable, std::move(message));
}

}  // namespace argosy::agent
