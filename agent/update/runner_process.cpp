#include "agent/update/runner_process.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/update/calibration_text.hpp"
#include "common/base/spawn.hpp"
#include "common/wire/document.hpp"

namespace argosy::agent {

namespace {

using Clock = std::chrono::steady_clock;
using End = RunnerReport::End;

constexpr std::size_t max_output_bytes = 256 << 10;
constexpr std::string_view answer_name = "argosy-runner's answer";
constexpr int stop_check_ms = 200;

std::vector<std::string> arguments_of(const RunnerCall& call) {
  std::vector<std::string> arguments = {call.runner.string(), "--model", call.model.string()};
  const auto add = [&](const char* flag, const std::string& value) {
    arguments.emplace_back(flag);
    arguments.push_back(value);
  };
  if (call.program) {
    add("--exec", call.program->string());
    add("--format", call.format);
  }
  if (call.dataset) add("--dataset", call.dataset->string());
  if (call.local_dataset) add("--local-dataset", call.local_dataset->string());
  add("--metric", call.metric);
  if (call.metric_program) add("--metric-program", call.metric_program->string());
  if (call.open_box) add("--box", "any");
  add("--threads", "1");
  add("--max-memory-mb", std::to_string(std::max<std::uint32_t>(call.max_memory_mb, 32)));
  add("--cpu-seconds", std::to_string(std::max<std::uint32_t>(call.timeout_s, 1)));
  return arguments;
}

enum class ReadEnd { closed, timed_out, stopped, too_long };

ReadEnd read_output(int fd, Clock::time_point deadline, const StopFlag& stop, std::string& output) {
  for (;;) {
    if (stop && stop->load()) return ReadEnd::stopped;
    if (Clock::now() >= deadline) return ReadEnd::timed_out;
    pollfd waiting{fd, POLLIN, 0};
    if (::poll(&waiting, 1, stop_check_ms) <= 0) continue;
    char buffer[4096];
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return ReadEnd::closed;
    output.append(buffer, static_cast<std::size_t>(got));
    if (output.size() > max_output_bytes) return ReadEnd::too_long;
  }
}

// The exit status; the child is killed when it lives past the deadline, and what it leaves behind when it ends.
int reap(pid_t pid, Clock::time_point deadline, const StopFlag& stop, bool& killed) {
  for (;;) {
    siginfo_t ended{};
    if (::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOHANG | WNOWAIT) != 0 && errno != EINTR) return 0;
    if (ended.si_pid == pid) break;
    if (!killed && (Clock::now() >= deadline || (stop && stop->load()))) {
      ::kill(-pid, SIGKILL);
      killed = true;
    }
    ::poll(nullptr, 0, 5);
  }
  ::kill(-pid, SIGKILL);  // before its number may be another's
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

RunnerReport ended(End end, std::string message) {
  RunnerReport report;
  report.end = end;
  report.error_message = std::move(message);
  return report;
}

}  // namespace

Result<RunnerReport> parse_runner_output(std::string_view text) {
  ARGOSY_TRY(JsonReader fields, wire::read_document(text, max_output_bytes, answer_name));
  RunnerReport report;
  fields.required("ok", report.ok);
  fields.optional("value", report.value);
  fields.optional("samples", report.samples);
  fields.optional("peak_memory_mb", report.peak_memory_mb);
  std::uint64_t local_unusable = 0;
  fields.optional("unusable", report.unusable);
  fields.optional_object("local", [&](JsonReader& local) {
    local.optional("value", report.local_value);
    local.optional("unusable", local_unusable);
    read_calibration(local, report.calibration);
    local.optional_object("latency_ms", [&](JsonReader& latency) { latency.optional("p95", report.latency_p95_ms); });
  });
  fields.optional_object("latency_ms", [&](JsonReader& latency) { latency.optional("p95", report.latency_p95_ms); });
  read_calibration(fields, report.calibration);
  fields.optional_object("error", [&](JsonReader& error) {
    error.required("type", report.error_type);
    error.optional("message", report.error_message);
  });
  ARGOSY_CHECK(wire::finish(fields, answer_name));
  report.unusable += local_unusable;
  return report;
}

RunnerReport run_runner(const RunnerCall& call, const StopFlag& stop) {
  const auto child = spawn({.arguments = arguments_of(call)});
  if (!child) return ended(End::not_started, child.error().message);
  const auto deadline = Clock::now() + std::chrono::seconds(call.timeout_s);
  std::string output;
  const ReadEnd how = read_output(child->output.get(), deadline, stop, output);
  bool killed = false;
  if (how != ReadEnd::closed) {
    ::kill(-child->pid, SIGKILL);
    killed = true;
  }
  const int status = reap(child->pid, deadline, stop, killed);
  if (how == ReadEnd::stopped) return ended(End::not_started, "validation was cancelled");
  if (how == ReadEnd::timed_out || (killed && how == ReadEnd::closed)) return ended(End::timed_out, {});
  if (how == ReadEnd::too_long) return ended(End::crashed, "the runner printed without end");
  if (auto report = parse_runner_output(output)) return *report;
  if (WIFSIGNALED(status))
    return ended(End::crashed, "the model ended its process with signal " + std::to_string(WTERMSIG(status)) + " (" +
                                   ::strsignal(WTERMSIG(status)) + ")");
  if (WIFEXITED(status) && (WEXITSTATUS(status) == 2 || WEXITSTATUS(status) == 127))
    return ended(End::not_started, call.runner.string() + " ended with exit code " +
                                       std::to_string(WEXITSTATUS(status)) + ": is it the right version?");
  return ended(End::crashed,
               "the runner ended with exit code " + std::to_string(WEXITSTATUS(status)) + " and without an answer");
}

}  // namespace argosy::agent
