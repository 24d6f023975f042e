// The program itself, as the agent starts it: exit codes, one JSON object on standard output, and its own limits.
#include <cstdio>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

#include "tests/unit/agent/runner/npz_writer.hpp"

namespace argosy::agent {
namespace {

struct Outcome {
  int exit_code = -1;
  std::string output;
  nlohmann::json report() const { return nlohmann::json::parse(output); }
};

Outcome run(const std::string& arguments) {
  Outcome outcome;
  FILE* pipe = ::popen((std::string(ARGOSY_RUNNER) + " " + arguments + " 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return outcome;
  char buffer[4096];
  while (const std::size_t size = std::fread(buffer, 1, sizeof buffer, pipe)) outcome.output.append(buffer, size);
  const int status = ::pclose(pipe);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

const std::string digits = ARGOSY_DIGITS;
std::string measure(const std::string& release) {
  return "--model " + digits + "/models/digits-" + release + ".onnx --dataset " + digits + "/data/validation.npz ";
}

TEST(Runner, PrintsOneJsonObjectAndExitsWithZeroWhenItMeasured) {
  const Outcome outcome = run(measure("1.1-fp32"));
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.output.find('\n'), outcome.output.size() - 1);
  EXPECT_EQ(outcome.report()["samples"], 400);
}

std::string compare(const std::string& exact, const std::string& other) {
  const std::string models = digits + "/models/digits-";
  return "--model " + models + exact + ".onnx --compare-with " + models + other + ".onnx ";
}

TEST(Runner, ComparesTwoModelsOnADataSet) {
  const std::string data = "--dataset " + digits + "/data/validation.npz";
  const auto same = run(compare("1.1-fp32", "1.1-fp32") + data).report();
  EXPECT_EQ(same["agreement"], 1.0);
  EXPECT_EQ(same["max_difference"], 0.0);
  EXPECT_EQ(same["metric"]["value"], same["metric"]["other"]);
  const auto other = run(compare("1.1-fp32", "1.0-fp32") + data).report();
  EXPECT_EQ(other["samples"], 400);
  EXPECT_LT(other["agreement"], 1.0);
  EXPECT_GT(other["metric"]["value"], other["metric"]["other"]);
  EXPECT_TRUE(other["seed"].is_null());
}

TEST(Runner, TriesAsManySamplesAsItIsGivenAndSaysOfHowMany) {
  const auto some = run(measure("1.0-fp32") + "--samples 150").report();
  EXPECT_EQ(some["samples"], 150);
  EXPECT_EQ(some["samples_in_set"], 400);
  EXPECT_EQ(some["correct"], run(measure("1.0-fp32") + "--samples 150").report()["correct"]);
  const auto all = run(measure("1.0-fp32")).report();
  EXPECT_GT(all["value"], some["interval"][0]);
  EXPECT_LT(all["value"], some["interval"][1]);
  EXPECT_GT(all["interval"][0], some["interval"][0]);
  const auto drawn = run(measure("1.0-fp32") + "--samples 400").report();
  EXPECT_EQ(drawn["correct"], all["correct"]) << "in another order";
}

TEST(Runner, StopsTryingWhenItsTimeIsUp) {
  const auto slow = run(measure("1.3-fp32") + "--budget-ms 1").report();
  EXPECT_EQ(slow["samples"], 1) << slow;
  const auto compared =
      run(compare("1.3-fp32", "1.3-int8") + "--dataset " + digits + "/data/validation.npz --budget-ms 1").report();
  EXPECT_EQ(compared["samples"], 1) << compared;
}

TEST(Runner, ComparesOnTheSamplesThatItMeasuredOn) {
  const auto report =
      run(compare("1.0-fp32", "1.1-fp32") + "--dataset " + digits + "/data/validation.npz --samples 150").report();
  EXPECT_EQ(report["samples"], 150);
  EXPECT_EQ(report["metric"]["value"], run(measure("1.0-fp32") + "--samples 150").report()["value"]);
}

TEST(Runner, ComparesOnTheSameGeneratedSamplesForTheSameSeed) {
  const auto outcome = [](const char* seed) {
    return run(compare("1.1-fp32", "1.1-int8") + "--generate 50 --seed " + seed).report();
  };
  EXPECT_EQ(outcome("3"), outcome("3"));
  EXPECT_NE(outcome("3")["max_difference"], outcome("4")["max_difference"]);
  EXPECT_EQ(outcome("3")["sample_shape"], nlohmann::json({1, 8, 8}));
  EXPECT_TRUE(outcome("3")["metric"].is_null());
}

TEST(Runner, SaysWhyItCannotCompare) {
  EXPECT_EQ(
      run("--model " + digits + "/models/digits-1.1-fp32.onnx --compare-with /nowhere.onnx").report()["error"]["type"],
      "not-found");
}

TEST(Runner, ExitsWithOneAndAReasonWhenItFailed) {
  const Outcome outcome = run("--model /etc/hostname --dataset " + digits + "/data/validation.npz");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.report()["error"]["type"], "malformed-model");
}

TEST(Runner, ExitsWithTwoOnWrongUsage) {
  EXPECT_EQ(run("").exit_code, 2);
  EXPECT_EQ(run(measure("1.1-fp32") + "--threads many").exit_code, 2);
  EXPECT_EQ(run("").output, "");
}

TEST(Runner, EndsAModelThatUsesUpItsCpuTime) {
  const Outcome outcome = run(measure("1.3-fp32") + "--cpu-seconds 1 --warmup 1000");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.report()["error"]["type"], "timeout");
}

#ifndef ARGOSY_SANITIZE
TEST(Runner, AModelThatWantsMoreMemoryThanAllowedIsAFailureNotACrash) {
  const test::TemporaryFile data(test::four_values());
  const std::string hungry =
      std::string("--model ") + ARGOSY_FIXTURES + "/hungry.onnx --dataset " + data.path().string();
  const Outcome outcome = run(hungry + " --max-memory-mb 64");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.report()["error"]["type"], "out-of-memory");
}

TEST(Runner, NeedsFarLessThanItsMemoryLimitForASmallModel) {
  EXPECT_LT(run(measure("1.1-int8")).report()["peak_memory_mb"], 64);
}
#endif

}  // namespace
}  // namespace argosy::agent
