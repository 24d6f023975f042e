#include "agent/update/runner_process.hpp"

#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "common/base/file.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

using End = RunnerReport::End;
using test::TempFolder;

// A program in argosy-runner's place, to show what the agent makes of every way in which one can end.
RunnerReport run_script(const std::string& script, std::uint32_t timeout_s = 10,
                        const StopFlag& stop = make_stop_flag()) {
  const TempFolder folder;
  EXPECT_TRUE(write_file_atomically(folder / "runner", "#!/bin/sh\n" + script + "\n", 0755));
  RunnerCall call;
  call.runner = folder / "runner";
  call.model = "model.onnx";
  call.dataset = "v.npz";
  call.metric = "accuracy";
  call.timeout_s = timeout_s;
  return run_runner(call, stop);
}

TEST(RunnerProcess, ReadsTheMeasurement) {
  const auto report = run_script(
      R"(echo '{"ok": true, "value": 0.95, "samples": 360, "latency_ms": {"p95": 1.5}, "peak_memory_mb": 42.5}')");
  EXPECT_EQ(report.end, End::finished);
  EXPECT_TRUE(report.ok);
  EXPECT_EQ(report.value, 0.95);
  EXPECT_EQ(report.samples, 360u);
  EXPECT_EQ(report.latency_p95_ms, 1.5);
  EXPECT_EQ(report.peak_memory_mb, 42.5);
}

TEST(RunnerProcess, PassesModelDatasetAndLimits) {
  const auto report = run_script(R"(printf '{"ok": false, "error": {"type": "x", "message": "%s"}}' "$*"; exit 1)");
  EXPECT_EQ(report.error_message,
            "--model model.onnx --dataset v.npz --metric accuracy --threads 1 --max-memory-mb 1024 --cpu-seconds 10");
}

TEST(RunnerProcess, PassesTheProgramOfAnotherEngine) {
  const TempFolder folder;
  ASSERT_TRUE(write_file_atomically(
      folder / "runner",
      "#!/bin/sh\nprintf '{\"ok\": false, \"error\": {\"type\": \"x\", \"message\": \"%s\"}}' \"$*\"\n", 0755));
  RunnerCall call;
  call.runner = folder / "runner";
  call.model = "model.tflite";
  call.program = "/usr/lib/argosy/tflite-runner";
  call.format = "tflite";
  call.metric = "mae";
  EXPECT_TRUE(
      run_runner(call, make_stop_flag())
          .error_message.starts_with("--model model.tflite --exec /usr/lib/argosy/tflite-runner --format tflite "));
}

TEST(RunnerProcess, CountsWhatIsNoNumberOnBothDataSets) {
  const auto report = run_script(
      R"(echo '{"ok": true, "value": null, "unusable": 1, "local": {"value": 0.5, "unusable": 2, "latency_ms": {"p95": 3}}}')");
  EXPECT_EQ(report.unusable, 3U);
  EXPECT_EQ(report.value, std::nullopt);
  EXPECT_EQ(report.local_value, 0.5);
  EXPECT_EQ(report.latency_p95_ms, 3);
}

TEST(RunnerProcess, WhatTheRunnerLeavesBehindEndsWithIt) {
  const TempFolder folder;
  run_script("sleep 60 >/dev/null & echo $! > " + (folder / "pid").string() + "; echo '{\"ok\": true}'");
  const int pid = std::stoi(read_file(folder / "pid").value());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  const auto alive = [&] {  // a zombie that nobody has waited for yet is not
    const auto status = read_file("/proc/" + std::to_string(pid) + "/stat");
    return status && status->find(") Z ") == std::string::npos;
  };
  while (alive() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_FALSE(alive());
}

TEST(RunnerProcess, ErrorOfTheRunnerIsNotACrash) {
  const auto report =
      run_script(R"(echo '{"ok": false, "error": {"type": "malformed-model", "message": "no model"}}'; exit 1)");
  EXPECT_EQ(report.end, End::finished);
  EXPECT_FALSE(report.ok);
  EXPECT_EQ(report.error_type, "malformed-model");
}

TEST(RunnerProcess, SignalIsACrash) {
  const auto report = run_script("kill -SEGV $$");
  EXPECT_EQ(report.end, End::crashed);
  EXPECT_NE(report.error_message.find("signal 11"), std::string::npos) << report.error_message;
}

TEST(RunnerProcess, SilenceAndNonsenseAreCrashes) {
  EXPECT_EQ(run_script("exit 1").end, End::crashed);
  EXPECT_EQ(run_script("echo not json").end, End::crashed);
  EXPECT_EQ(run_script("echo '{\"value\": \"no ok\"}'").end, End::crashed);
}

TEST(RunnerProcess, OutputWithoutEndIsCutOff) {
  EXPECT_EQ(run_script("yes x").end, End::crashed);
}

TEST(RunnerProcess, HangingModelIsKilledWithItsChildren) {
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(run_script("sleep 60 & sleep 60", 1).end, End::timed_out);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
}

TEST(RunnerProcess, ClosedOutputDoesNotHideAHang) {
  EXPECT_EQ(run_script("exec 1>&-; sleep 60", 1).end, End::timed_out);
}

TEST(RunnerProcess, MissingRunnerIsNotTheModelsFault) {
  RunnerCall call;
  call.runner = "/nowhere/argosy-runner";
  call.metric = "accuracy";
  const auto report = run_runner(call, make_stop_flag());
  EXPECT_EQ(report.end, End::not_started);
  EXPECT_NE(report.error_message.find("/nowhere/argosy-runner"), std::string::npos);
}

TEST(RunnerProcess, StopEndsItAtOnce) {
  const StopFlag stop = make_stop_flag();
  stop->store(true);
  EXPECT_EQ(run_script("sleep 60", 60, stop).end, End::not_started);
}

}  // namespace
}  // namespace argosy::agent
