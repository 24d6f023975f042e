#include "server/rollouts/guards/guard.hpp"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace argosy::server {
namespace {

GuardPolicy guard_on(const char* metric) {
  const nlohmann::json document{{"guards", {{{"metric", metric}}}}};
  return decode_policy(document).value().guards.at(0);
}

GuardVerdict judged(const char* metric, double canary, double baseline, std::uint64_t samples = 50) {
  const auto guard = guard_on(metric);
  return judge(guard, {.metric = guard.metric,
                       .canary = canary,
                       .baseline = baseline,
                       .canary_samples = samples,
                       .baseline_samples = samples,
                       .devices = 1,
                       .comparable = 1});
}

TEST(Guard, TellsTheFiguresAndTheLimit) {
  EXPECT_EQ(judged("latency_p95", 15.125, 10, 50).message, "p95 latency 15.1 ms against 10 ms before, limit 1.5 times");
  EXPECT_EQ(judged("error_rate", 0.05125, 0.01).message, "error rate 0.0512 against 0.01 before, limit +0.02");
  EXPECT_EQ(judged("accuracy", 0.90125, 0.97).message, "accuracy 0.9012 against 0.97 before, limit -0.03");
}

TEST(Guard, TellsWhatIsMissing) {
  EXPECT_EQ(judged("error_rate", 0, 0, 20).message,
            "error_rate needs 30 more samples on the new release and 30 on the old one");
  const auto guard = guard_on("accuracy");
  EXPECT_EQ(judge(guard, {.metric = guard.metric, .unmeasured = "no database"}).message,
            "accuracy cannot be measured: no database");
  EXPECT_EQ(judge(guard, {.metric = guard.metric, .about_to_be = true}).message, "accuracy is about to be measured");
  EXPECT_EQ(judge(guard, {.metric = guard.metric, .first_installs = 2}).message,
            "accuracy has nothing to compare: no updated device ran an earlier release");
}

// A new row is held to the same as those that are there.
TEST(GuardMetrics, EveryRowIsWholeAndItsPolicyIsReadAsItIsWritten) {
  for (const auto& spec : guard_specs()) {
    SCOPED_TRACE(spec.name);
    EXPECT_EQ(to_string(spec.metric), spec.name);
    EXPECT_FALSE(spec.words.empty());
    EXPECT_NE(spec.source.figure, nullptr);
    EXPECT_EQ(spec.source.figure(WindowTotals{}).samples, 0U);
    EXPECT_GE(spec.limit.standard, spec.limit.least);
    EXPECT_LE(spec.limit.standard, spec.limit.most);
    Policy policy;
    policy.guards = {{.metric = spec.metric, .limit = spec.limit.most, .min_samples = 7, .action = Reaction::halt}};
    const auto again = decode_policy(encode(policy));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->guards, policy.guards);
  }
}

TEST(GuardMetrics, FiguresComeFromWhatTheWindowsAddUpTo) {
  WindowTotals side{.count = 200, .errors = 50, .labelled = 100, .correct = 75};
  side.latency.add(10, 100);
  EXPECT_NEAR(spec_of(GuardMetric::latency_p95).source.figure(side).value, 10, 0.2);
  EXPECT_EQ(spec_of(GuardMetric::latency_p95).source.figure(side).samples, 100U);
  EXPECT_DOUBLE_EQ(spec_of(GuardMetric::error_rate).source.figure(side).value, 0.25);
  EXPECT_EQ(spec_of(GuardMetric::error_rate).source.figure(side).samples, 200U);
  EXPECT_DOUBLE_EQ(spec_of(GuardMetric::accuracy).source.figure(side).value, 0.75);
  EXPECT_EQ(spec_of(GuardMetric::accuracy).source.figure(side).samples, 100U);
}

TEST(Guard, EstimatesHarm) {
  EXPECT_DOUBLE_EQ(judged("latency_p95", 20, 10).estimate, 2);
  EXPECT_DOUBLE_EQ(judged("latency_p95", 20, 0).estimate, 1) << "nothing to compare with";
  EXPECT_DOUBLE_EQ(judged("error_rate", 0.5, 0.25).estimate, 0.25);
  EXPECT_DOUBLE_EQ(judged("accuracy", 0.5, 0.75).estimate, 0.25);
  EXPECT_DOUBLE_EQ(judged("latency_p95", 20, 10).limit, 1.5);
}

TEST(Guard, ASmallDelayIsNoHarmWhateverItsRatio) {
  EXPECT_EQ(judged("latency_p95", 2.9, 1).verdict, Verdict::pass);
  EXPECT_EQ(judged("latency_p95", 3, 1).verdict, Verdict::fail);
}

}  // namespace
}  // namespace argosy::server
