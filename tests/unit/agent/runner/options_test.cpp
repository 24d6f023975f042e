#include "agent/runner/options.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace argosy::agent {
namespace {

Result<RunnerOptions> parse(std::vector<const char*> arguments) {
  return parse_runner_options(arguments);
}
std::string message_of(std::vector<const char*> more) {
  std::vector<const char*> arguments{"--model", "m.onnx", "--dataset", "d.npz"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const auto options = parse(arguments);
  return options ? "parsed" : options.error().message;
}

TEST(RunnerOptions, HaveDefaultsForAllButTheModel) {
  const auto options = parse({"--model", "m.onnx"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->metric, "accuracy");
  EXPECT_EQ(options->threads, 1);
  EXPECT_EQ(options->max_memory_mb, 512);
  EXPECT_FALSE(options->dataset);
  EXPECT_FALSE(options->local_dataset);
}

TEST(RunnerOptions, TakeEveryFlag) {
  const auto options =
      parse({"--model", "m", "--dataset", "d", "--local-dataset", "l", "--metric", "top5_accuracy", "--threads", "2",
             "--warmup", "0", "--max-memory-mb", "64", "--cpu-seconds", "9", "--top-worst", "3"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->local_dataset, "l");
  EXPECT_EQ(options->metric, "top5_accuracy");
  EXPECT_EQ(options->warmup, 0);
  EXPECT_EQ(options->cpu_seconds, 9);
  EXPECT_EQ(options->top_worst, 3);
}

TEST(RunnerOptions, TakeWhatAComparisonNeeds) {
  const auto options = parse({"--model", "a", "--compare-with", "b", "--generate", "50", "--seed", "7"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->compare_with, "b");
  EXPECT_EQ(options->generate, 50);
  EXPECT_EQ(options->seed, 7);
  EXPECT_EQ(message_of({"--generate", "0"}), "--generate '0': a number from 1 to 1000000 is needed");
}

TEST(RunnerOptions, BoundWhatIsTried) {
  const auto options = parse({"--model", "m", "--budget-ms", "1500", "--samples", "20", "--seed", "4"});
  ASSERT_TRUE(options) << options.error().message;
  const SamplingBound bound = sampling_bound(*options, {});
  EXPECT_TRUE(bound.deadline.is_past());
  EXPECT_EQ(bound.most, 20U);
  EXPECT_EQ(bound.seed, 4U);
  EXPECT_FALSE(sampling_bound(RunnerOptions{}, {}).is_set());
  EXPECT_EQ(message_of({"--exec", "p", "--samples", "5"}),
            "--exec does not go with --budget-ms and --samples: a program answers all samples, in their order");
}

TEST(RunnerOptions, TakeAProgramForOtherEngines) {
  const auto options = parse({"--model", "m.tflite", "--exec", "/usr/lib/argosy/tflite-runner", "--format", "tflite"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->exec, "/usr/lib/argosy/tflite-runner");
  EXPECT_EQ(options->format, "tflite");
  EXPECT_EQ(message_of({"--exec", "p", "--compare-with", "m"}),
            "--exec does not go with --compare-with: two models are compared by ONNX Runtime");
}

TEST(RunnerOptions, NameTheFlagTheValueAndItsBounds) {
  EXPECT_EQ(message_of({"--threads", "0"}), "--threads '0': a number from 1 to 64 is needed");
  EXPECT_EQ(message_of({"--threads", "2x"}), "--threads '2x': a number from 1 to 64 is needed");
  EXPECT_EQ(message_of({"--max-memory-mb", "99999999999"}),
            "--max-memory-mb '99999999999': a number from 32 to 1048576 is needed");
  EXPECT_EQ(message_of({"--metric", "recall"}).substr(0, 35), "metric 'recall' is unknown: use acc");
  EXPECT_EQ(message_of({"--speed", "1"}), "'--speed' is not an option of argosy-runner");
  EXPECT_EQ(message_of({"--threads"}), "'--threads' needs a value");
  EXPECT_EQ(message_of({"--local-dataset", ""}), "--local-dataset is empty");
}

TEST(RunnerOptions, NeedAModel) {
  EXPECT_EQ(parse({"--dataset", "d"}).error().message, "--model is missing");
}

}  // namespace
}  // namespace argosy::agent
