#include "agent/runner/running_program.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace argosy::agent {
namespace {

constexpr int cannot_start = 127;

struct Pipe {
  UniqueFd read_end, write_end;
  static Result<Pipe> make() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return errno_error("cannot make a pipe", errno);
    Pipe pipe;
    pipe.read_end.reset(ends[0]);
    pipe.write_end.reset(ends[1]);
    return pipe;
  }
};

// After fork, before exec: only what is safe there. The agent's own environment is not for strangers.
[[noreturn]] void become(const char* program, int input, int output, const char* threads) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  std::signal(SIGPIPE, SIG_DFL);
  const char* arguments[] = {program, nullptr};
  const char* environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", threads, nullptr};
  ::execve(program, const_cast<char**>(arguments), const_cast<char**>(environment));
  ::_exit(cannot_start);
}

}  // namespace

Result<RunningProgram> RunningProgram::start(const std::filesystem::path& program, int threads) {
  if (::access(program.c_str(), X_OK) != 0)
    return make_error(Errc::unavailable, program.string() + " cannot be run: " + std::strerror(errno));
  ARGOSY_TRY(Pipe input, Pipe::make());
  ARGOSY_TRY(Pipe output, Pipe::make());
  const std::string openmp = "OMP_NUM_THREADS=" + std::to_string(threads);
  const pid_t pid = ::fork();
  if (pid < 0) return errno_error("cannot start " + program.string(), errno);
  if (pid == 0) become(program.c_str(), input.read_end.get(), output.write_end.get(), openmp.c_str());
  std::signal(SIGPIPE, SIG_IGN);
  ::fcntl(input.write_end.get(), F_SETFL, O_NONBLOCK);
  return RunningProgram(pid, std::move(input.write_end), std::move(output.read_end));
}

RunningProgram::RunningProgram(RunningProgram&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      input_(std::move(other.input_)),
      output_(std::move(other.output_)),
      buffer_(std::move(other.buffer_)),
      searched_(other.searched_) {}

RunningProgram::~RunningProgram() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Result<void> RunningProgram::tell(std::string_view text) {
  while (!text.empty() && input_) {
    pollfd ends[] = {{input_.get(), POLLOUT, 0}, {output_.get(), POLLIN, 0}};
    if (::poll(ends, 2, -1) < 0 && errno != EINTR) return errno_error("cannot be waited for", errno);
    if (ends[1].revents & POLLIN) ARGOSY_CHECK(read_some());
    if (!(ends[0].revents & (POLLOUT | POLLERR))) continue;
    const ssize_t written = ::write(input_.get(), text.data(), text.size());
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
    if (written < 0 && errno == EPIPE) input_.reset();
    if (written < 0 && errno != EAGAIN && errno != EINTR && errno != EPIPE) return errno_error("cannot be told", errno);
  }
  return {};
}

Result<bool> RunningProgram::read_some() {
  if (buffer_.size() > max_line_bytes) return make_error(Errc::io, "printed a line of more than 16 MiB");
  char bytes[64 << 10];
  for (;;) {
    const ssize_t got = ::read(output_.get(), bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("cannot be read", errno);
    buffer_.append(bytes, static_cast<std::size_t>(got));
    return got > 0;
  }
}

Result<std::optional<std::string>> RunningProgram::line() {
  for (;;) {
    if (const auto end = buffer_.find('\n', searched_); end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      searched_ = 0;
      return std::optional(std::move(line));
    }
    searched_ = buffer_.size();
    ARGOSY_TRY(const bool is_open, read_some());
    if (!is_open) return std::optional<std::string>();
  }
}

RunningProgram::End RunningProgram::wait() {
  int status = 0;
  End end;
  rusage used{};
  while (::wait4(pid_, &status, 0, &used) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  end.peak_memory_mb = static_cast<double>(used.ru_maxrss) / 1024;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
    end.fault = make_error(Errc::timeout, "used up its CPU time: raise the release's timeout or make the model faster");
  else if (WIFSIGNALED(status))
    end.fault = make_error(Errc::io, "was ended by signal " + std::to_string(WTERMSIG(status)) + " (" +
                                         ::strsignal(WTERMSIG(status)) + ")");
  else if (WEXITSTATUS(status) == cannot_start)
    end.fault = make_error(Errc::unavailable, "cannot be started");
  else if (WEXITSTATUS(status) != 0)
    end.fault = make_error(Errc::io, "ended with exit code " + std::to_string(WEXITSTATUS(status)));
  return end;
}

}  // namespace argosy::agent
