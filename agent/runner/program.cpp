#include "agent/runner/program.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/file.hpp"
#include "common/base/text.hpp"
#include "common/json/json_look.hpp"
#include "common/json/json_text.hpp"

namespace argosy::agent {
namespace {

using Json = nlohmann::json;

constexpr int contract_version = 1;
constexpr std::size_t max_line_bytes = 16 << 20;
constexpr std::size_t max_message_bytes = 500;
// An answer is a list of numbers, of which an image has as many as it has pixels.
constexpr JsonLimits line_limits{.bytes = max_line_bytes, .depth = 8, .values = 4 << 20};
constexpr int cannot_start = 127;

std::string job_json(const ProgramJob& job, const Dataset* data) {
  Json json = {{"contract", contract_version}, {"model", job.model.string()}, {"format", job.format},
               {"threads", job.threads},       {"warmup", job.warmup},        {"inputs", nullptr}};
  if (data)
    json["inputs"] = {{"file", data->samples_on_disk().file.string()},
                      {"offset", data->samples_on_disk().offset},
                      {"type", name(data->x().type)},
                      {"shape", data->x().shape}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

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

// A program that has been started: told its job, read line by line, and ended when this object goes.
class RunningProgram {
 public:
  static Result<RunningProgram> start(const ProgramJob& job) {
    if (::access(job.program.c_str(), X_OK) != 0)
      return make_error(Errc::unavailable, job.program.string() + " cannot be run: " + std::strerror(errno));
    ARGOSY_TRY(Pipe input, Pipe::make());
    ARGOSY_TRY(Pipe output, Pipe::make());
    const std::string threads = "OMP_NUM_THREADS=" + std::to_string(job.threads);
    const pid_t pid = ::fork();
    if (pid < 0) return errno_error("cannot start " + job.program.string(), errno);
    if (pid == 0) become(job.program.c_str(), input.read_end.get(), output.write_end.get(), threads.c_str());
    return RunningProgram(pid, std::move(input.write_end), std::move(output.read_end));
  }
  RunningProgram(RunningProgram&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), input_(std::move(other.input_)), output_(std::move(other.output_)) {}
  RunningProgram& operator=(RunningProgram&&) = delete;
  ~RunningProgram() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  // A job is shorter than what a pipe holds. A program that does not read it has it its way.
  void tell(const std::string& job) {
    std::signal(SIGPIPE, SIG_IGN);
    [[maybe_unused]] const auto written = ::write(input_.get(), job.data(), job.size());
    input_.reset();
  }

  // Nothing at the end of its output.
  Result<std::optional<std::string>> line() {
    for (;;) {
      if (const auto end = buffer_.find('\n', searched_); end != std::string::npos) {
        std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        searched_ = 0;
        return std::optional(std::move(line));
      }
      searched_ = buffer_.size();
      if (buffer_.size() > max_line_bytes) return make_error(Errc::io, "printed a line of more than 16 MiB");
      char bytes[64 << 10];
      const ssize_t got = ::read(output_.get(), bytes, sizeof bytes);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return errno_error("cannot be read", errno);
      if (got == 0) return std::optional<std::string>();
      buffer_.append(bytes, static_cast<std::size_t>(got));
    }
  }

  struct End {
    int status = 0;
    double peak_memory_mb = 0;
  };
  End wait() {
    End end;
    rusage used{};
    while (::wait4(pid_, &end.status, 0, &used) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    end.peak_memory_mb = static_cast<double>(used.ru_maxrss) / 1024;
    return end;
  }

 private:
  RunningProgram(pid_t pid, UniqueFd input, UniqueFd output)
      : pid_(pid), input_(std::move(input)), output_(std::move(output)) {}

  pid_t pid_;
  UniqueFd input_, output_;
  std::string buffer_;
  std::size_t searched_ = 0;
};

// What the program itself calls wrong, cut short: a report is no place for data.
Error error_said(const Json& error) {
  const std::string type = text_in(error, "type");
  const Errc code = type == "malformed-model" ? Errc::malformed_model
                    : type == "incompatible"  ? Errc::incompatible
                                              : Errc::io;
  const std::string message = shortened(text_in(error, "message"), max_message_bytes);
  return make_error(code, message.empty() ? "it gives no reason" : message);
}

Result<void> take_output(const Json& line, const TakeAnswer& take, std::vector<float>& values) {
  const auto latency = number_in(line, "ms");
  const Json& output = member(line, "output");
  if (!latency || *latency < 0 || !output.is_array())
    return make_error(Errc::io, "\"output\", a list of numbers, and \"ms\" are needed for each sample");
  values.clear();
  for (const Json& value : output) {
    if (!value.is_number() && !value.is_null())
      return make_error(Errc::io, "\"output\" may hold numbers, and null for what is none");
    values.push_back(value.is_null() ? std::numeric_limits<float>::quiet_NaN() : value.get<float>());
  }
  if (values.empty()) return make_error(Errc::io, "\"output\" is empty");
  return take(values, *latency);
}

struct Heard {
  std::optional<double> load_ms;
  std::size_t answered = 0;
};

// Every line of the program, in order, until its output ends.
Result<Heard> hear(RunningProgram& program, std::size_t samples, const TakeAnswer& take) {
  Heard heard;
  std::vector<float> values;
  for (;;) {
    ARGOSY_TRY(const auto text, program.line());
    if (!text) return heard;
    const auto parsed = parse_json(*text, line_limits);
    if (!parsed || !parsed->is_object()) return make_error(Errc::io, "printed a line that is not a JSON object");
    const Json& line = *parsed;
    if (line.contains("error")) return error_said(line["error"]);
    if (!heard.load_ms) {
      heard.load_ms = number_in(line, "load_ms");
      if (!heard.load_ms) return make_error(Errc::io, "its first line has no \"load_ms\"");
      continue;
    }
    if (heard.answered == samples) return make_error(Errc::io, "answered more often than there are samples");
    ARGOSY_CHECK(take_output(line, take, values));
    ++heard.answered;
  }
}

// How it ended is worth more than what was missing from its output.
std::optional<Error> fault_of(const RunningProgram::End& end) {
  if (WIFSIGNALED(end.status) && WTERMSIG(end.status) == SIGXCPU)
    return make_error(Errc::timeout, "used up its CPU time: raise the release's timeout or make the model faster");
  if (WIFSIGNALED(end.status))
    return make_error(Errc::io, "was ended by signal " + std::to_string(WTERMSIG(end.status)) + " (" +
                                    ::strsignal(WTERMSIG(end.status)) + ")");
  if (WEXITSTATUS(end.status) == cannot_start) return make_error(Errc::unavailable, "cannot be started");
  if (WEXITSTATUS(end.status) != 0)
    return make_error(Errc::io, "ended with exit code " + std::to_string(WEXITSTATUS(end.status)));
  return std::nullopt;
}

}  // namespace

Result<ProgramRun> run_program(const ProgramJob& job, const Dataset* data, const TakeAnswer& take) {
  const std::string who = job.program.filename().string();
  const std::size_t samples = data ? data->size() : 0;
  ARGOSY_TRY(RunningProgram program, RunningProgram::start(job));
  program.tell(job_json(job, data));
  auto heard = hear(program, samples, take);
  if (!heard) return std::move(heard).error().within(who);
  const RunningProgram::End end = program.wait();
  if (auto fault = fault_of(end)) return std::move(*fault).within(who);
  if (heard->load_ms && heard->answered == samples) return ProgramRun{*heard->load_ms, end.peak_memory_mb};
  return make_error(Errc::io, who + ": ended after " + std::to_string(heard->answered) + " of " +
                                  std::to_string(samples) + " samples" +
                                  (heard->load_ms ? "" : ", without \"load_ms\""));
}

}  // namespace argosy::agent
