#include "agent/app/asked_program.hpp"

#include <array>
#include <cerrno>

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "common/base/spawn.hpp"

namespace argosy::agent {

namespace {

using boost::system::error_code;

constexpr std::chrono::milliseconds between_looks_at_end{20};
constexpr std::chrono::milliseconds between_looks_at_killed{100};  // it may wait for hardware, for hours
constexpr int lowest_priority = 19;

std::string how_it_ended(int status) {
  return WIFEXITED(status) ? "exit code " + std::to_string(WEXITSTATUS(status))
                           : "signal " + std::to_string(WTERMSIG(status));
}

}  // namespace

AskedProgram::AskedProgram(boost::asio::io_context& io, Options options, Take take)
    : options_(std::move(options)), take_(std::move(take)), output_(io), deadline_(io), look_(io) {}

AskedProgram::~AskedProgram() {
  if (pid_ != 0) ::kill(-pid_, SIGKILL);
}

void AskedProgram::ask() {
  if (pid_ != 0) return take_(make_error(Errc::timeout, name() + " was killed and has not ended yet"));
  auto started = spawn({.arguments = options_.arguments});
  if (!started) return take_(std::move(started).error());
  pid_ = started->pid;
  said_.clear();
  fault_.reset();
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(pid_), lowest_priority);
  output_.assign(started->output.release());
  deadline_.expires_after(options_.time_limit);
  deadline_.async_wait([this](error_code cancelled) {
    if (cancelled) return;
    give_up(make_error(Errc::timeout, name() + " took longer than " +
                                          std::to_string(options_.time_limit.count() / 1000) + " s and was killed"));
  });
  read();
}

void AskedProgram::read() {
  const auto buffer = std::make_shared<std::array<char, 1024>>();
  output_.async_read_some(boost::asio::buffer(*buffer), [this, buffer](error_code failed, std::size_t size) {
    if (failed == boost::asio::error::operation_aborted) return;
    if (failed) return await_end();
    said_.append(buffer->data(), size);
    if (said_.size() <= options_.output_limit) return read();
    give_up(make_error(Errc::too_large, name() + " printed more than " + std::to_string(options_.output_limit) +
                                            " bytes and was killed"));
  });
}

void AskedProgram::give_up(Error why) {
  if (!fault_) fault_ = std::move(why);
  ::kill(-pid_, SIGKILL);
  await_end();
}

void AskedProgram::await_end() {
  error_code none;
  output_.close(none);
  siginfo_t end{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &end, WEXITED | WNOHANG | WNOWAIT) != 0 || end.si_pid == pid_) {
    ::kill(-pid_, SIGKILL);  // what it left behind, before its number may be another's
    int status = 0;
    ::waitpid(pid_, &status, 0);
    return ended(status);
  }
  look_.expires_after(fault_ ? between_looks_at_killed : between_looks_at_end);
  look_.async_wait([this](error_code cancelled) {
    if (!cancelled && pid_ != 0) await_end();
  });
}

void AskedProgram::ended(int status) {
  pid_ = 0;
  deadline_.cancel();
  look_.cancel();
  if (fault_) return take_(*std::exchange(fault_, std::nullopt));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return take_(make_error(Errc::unavailable, name() + " ended with " + how_it_ended(status)));
  take_(std::exchange(said_, {}));
}

}  // namespace argosy::agent
