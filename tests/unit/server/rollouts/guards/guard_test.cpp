#include "server/rollouts/guards/guard.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/random.hpp"
#include "server/rollouts/guards/shadow_panel.hpp"

namespace argosy::server {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const Instant opening = instant_from_ms(1'800'000'000'000);
const PanelWave open_wave{.wave = 0, .opened_at = opening, .version = "1.1"};

struct Fleet {
  int canaries = 12;
  int controls = 36;
  double factor = 1;         // of the canaries' latency
  double noise = 0.02;       // of ln latency, a device
  std::uint64_t right = 95;  // of 100 labels, on canaries
  std::uint64_t labels = 100;
  bool has_past = true;
};

TakenWindow window_of(Instant at, double latency_ms, std::uint64_t labels, std::uint64_t right) {
  TakenWindow window{.started_at = at, .ended_at = at + minutes(1), .count = 100, .labelled = labels, .correct = right};
  window.latency.add(latency_ms, 100);
  return window;
}

GuardPanel panel_of(const Fleet& fleet) {
  Rng rng(7);
  GuardPanel panel{.classes = {"arm"}, .members = {}};
  for (int i = 0; i < fleet.canaries + fleet.controls; ++i) {
    const bool canary = i < fleet.canaries;
    const double level = 20 * std::exp(0.3 * rng.normal());
    PanelMember member{.device = "cam-" + std::to_string(i), .wave = canary ? 0 : 1, .old_version = "1.0"};
    if (fleet.has_past)
      add(member.before, window_of(opening - minutes(5), level, fleet.labels, fleet.labels * 95 / 100));
    const double since = level * (canary ? fleet.factor : 1) * std::exp(fleet.noise * rng.normal());
    const auto right = canary ? fleet.right : fleet.labels * 95 / 100;
    for (int minute = 1; minute <= 5; ++minute)
      take(member, open_wave, canary ? "1.1" : "1.0", window_of(opening + minutes(minute), since, fleet.labels, right));
    panel.members.push_back(member);
  }
  return panel;
}

Policy policy_on(GuardMetric metric, GuardMode mode = GuardMode::automatic) {
  Policy policy;
  policy.guards = {{.metric = metric, .mode = mode}};
  return policy;
}

LookContext at_look(int number) {
  return {.look = {.number = number, .in_wave = number, .shares_of_dwell = {0.1}, .exposure = minutes(5)},
          .now = opening + minutes(6)};
}

GuardVerdict judged(GuardMetric metric, const Fleet& fleet, GuardMode mode = GuardMode::automatic,
                    const LookContext& context = at_look(1)) {
  return judge_guards(policy_on(metric, mode), panel_of(fleet), context).at(0);
}

TEST(Guard, PassesWhereNothingIsWorse) {
  const auto seen = judged(GuardMetric::latency_p95, {});
  EXPECT_EQ(seen.verdict, Verdict::pass) << seen.message;
  EXPECT_EQ(seen.canaries, 12U);
  EXPECT_EQ(seen.controls, 36U);
  EXPECT_LT(*seen.lower, *seen.estimate);
  EXPECT_LT(*seen.estimate, *seen.upper);
}

TEST(Guard, FailsWhereTheChangeIsSurelyOverTheMarginAndSaysTheFigures) {
  const auto seen = judged(GuardMetric::latency_p95, {.factor = 1.5});
  EXPECT_EQ(seen.verdict, Verdict::fail);
  EXPECT_NEAR(*seen.estimate, std::log(1.5), 0.05);
  EXPECT_NE(seen.message.find("on 12 canaries against"), std::string::npos) << seen.message;
  EXPECT_NE(seen.message.find("it rolls back over 1.08 times and passes under 1.1 times"), std::string::npos)
      << seen.message;
}

TEST(Guard, AChangeUnderTheFloorIsNoHarmWhateverItsRatio) {
  Policy policy = policy_on(GuardMetric::latency_p95);
  policy.guards[0].floor = 100;
  EXPECT_EQ(judge_guards(policy, panel_of({.factor = 1.5}), at_look(1)).at(0).verdict, Verdict::pass);
}

TEST(Guard, FewerRightAnswersAreHarm) {
  auto context = at_look(1);
  context.look.shares_of_dwell = {1};
  EXPECT_EQ(judged(GuardMetric::accuracy, {.right = 80}, GuardMode::automatic, context).verdict, Verdict::fail);
  EXPECT_EQ(judged(GuardMetric::accuracy, {.right = 99}, GuardMode::automatic, context).verdict, Verdict::pass);
}

TEST(Guard, WithoutLabelsItIsLeftOutUnlessItIsRequired) {
  const auto seen = judged(GuardMetric::accuracy, {.labels = 0});
  EXPECT_EQ(seen.verdict, Verdict::skipped);
  EXPECT_NE(seen.message.find("was never reported"), std::string::npos) << seen.message;
  EXPECT_EQ(judged(GuardMetric::accuracy, {.labels = 0}, GuardMode::required).verdict, Verdict::waiting);
}

TEST(Guard, ACanaryThatCanShowNothingIsSaidSo) {
  const auto seen = judged(GuardMetric::latency_p95, {.canaries = 2, .controls = 2});
  EXPECT_EQ(seen.verdict, Verdict::skipped) << seen.message;
  EXPECT_NE(seen.message.find("no p-value is small enough"), std::string::npos) << seen.message;
  EXPECT_EQ(judged(GuardMetric::latency_p95, {.canaries = 2, .controls = 2}, GuardMode::required).verdict,
            Verdict::waiting);
}

TEST(Guard, WhereNobodyWaitsAnyMoreThereIsNothingToCompareWith) {
  auto context = at_look(1);
  EXPECT_EQ(judged(GuardMetric::latency_p95, {.controls = 0}, GuardMode::automatic, context).verdict, Verdict::waiting);
  context.is_last_wave = true;
  EXPECT_EQ(judged(GuardMetric::latency_p95, {.controls = 0}, GuardMode::automatic, context).verdict, Verdict::skipped);
}

TEST(Guard, InTheLastWaveARequiredGuardThatIsSettledAsksForNoMore) {
  const auto in_last_wave = [](std::vector<GuardVerdict> before) {
    auto context = at_look(1);
    context.look.wave = 2;
    context.is_last_wave = true;
    context.before = std::move(before);
    return judged(GuardMetric::latency_p95, {.controls = 0}, GuardMode::required, context).verdict;
  };
  const auto seen = [](GuardMetric metric, Verdict verdict, int wave) {
    return GuardVerdict{.metric = metric, .verdict = verdict, .wave = wave};
  };
  EXPECT_EQ(in_last_wave({}), Verdict::waiting) << "it was never compared";
  EXPECT_EQ(in_last_wave({seen(GuardMetric::latency_p95, Verdict::waiting, 2)}), Verdict::waiting);
  EXPECT_EQ(in_last_wave({seen(GuardMetric::latency_p95, Verdict::pass, 1)}), Verdict::skipped);
  EXPECT_EQ(in_last_wave({seen(GuardMetric::latency_p95, Verdict::skipped, 2)}), Verdict::skipped);
  EXPECT_EQ(in_last_wave({seen(GuardMetric::latency_p95, Verdict::waiting, 1)}), Verdict::skipped)
      << "somebody promoted past it";
  EXPECT_EQ(in_last_wave({seen(GuardMetric::accuracy, Verdict::pass, 1)}), Verdict::waiting);
}

TEST(Guard, APassHoldsInItsWaveUntilItFails) {
  const Fleet noisy{.noise = 0.5};
  EXPECT_EQ(judged(GuardMetric::latency_p95, noisy).verdict, Verdict::waiting);
  auto context = at_look(2);
  context.before = {{.metric = GuardMetric::latency_p95, .verdict = Verdict::pass, .wave = 0}};
  EXPECT_EQ(judged(GuardMetric::latency_p95, noisy, GuardMode::automatic, context).verdict, Verdict::pass);
  EXPECT_EQ(judged(GuardMetric::latency_p95, {.factor = 2}, GuardMode::automatic, context).verdict, Verdict::fail);
  context.look.wave = 1;
  context.before[0].wave = 0;
  EXPECT_NE(judged(GuardMetric::latency_p95, noisy, GuardMode::automatic, context).verdict, Verdict::pass);
}

TEST(Guard, DevicesThatFallSilentAreHarm) {
  auto panel = panel_of({.canaries = 50, .controls = 150});
  auto context = at_look(1);
  context.now = opening + minutes(40);
  for (std::size_t i = 10; i < panel.members.size(); ++i)
    add((panel.members[i].updated_since ? panel.members[i].updated : panel.members[i].waiting).figures,
        window_of(opening + minutes(38), 20, 0, 0));
  const auto seen = judge_guards(policy_on(GuardMetric::silence), panel, context).at(0);
  EXPECT_EQ(seen.verdict, Verdict::fail) << seen.message;
  EXPECT_EQ(*seen.canary, 0.2);
}

TEST(Guard, BeforeTheFirstLookItSaysWhenThatIs) {
  Policy policy = policy_on(GuardMetric::error_rate);
  const auto verdicts = current_verdicts(policy, {}, 0, "");
  ASSERT_EQ(verdicts.size(), 1U);
  EXPECT_EQ(verdicts[0].verdict, Verdict::waiting);
  EXPECT_EQ(verdicts[0].message, "error rate is looked at when canaries have been measured for 300 s");
  EXPECT_EQ(current_verdicts(policy, {}, 0, "no database")[0].verdict, Verdict::unknown);
}

TEST(Guard, ALookOfAnotherWaveSaysNothingOfThisOne) {
  Policy policy = policy_on(GuardMetric::error_rate);
  const GuardVerdict passed{.metric = GuardMetric::error_rate, .verdict = Verdict::pass, .wave = 0};
  EXPECT_EQ(current_verdicts(policy, {passed}, 0, "")[0].verdict, Verdict::pass);
  EXPECT_EQ(current_verdicts(policy, {passed}, 0, "no database")[0].verdict, Verdict::pass);
  EXPECT_EQ(current_verdicts(policy, {passed}, 1, "")[0].verdict, Verdict::waiting);
}

TEST(Guard, IsReadAsItWasWritten) {
  for (const Fleet& fleet : {Fleet{}, Fleet{.factor = 1.5}, Fleet{.canaries = 2, .controls = 2}}) {
    const auto seen = judged(GuardMetric::latency_p95, fleet);
    const auto again = decode_guard_verdict(nlohmann::json::parse(encode(seen).dump()));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(encode(*again), encode(seen));
  }
  EXPECT_FALSE(decode_guard_verdict(nlohmann::json::parse(R"({"metric": "luck"})")));
}

// A new row is held to the same as those that are there.
TEST(GuardMetrics, EveryRowIsWholeAndItsPolicyIsReadAsItIsWritten) {
  for (const auto& spec : guard_specs()) {
    SCOPED_TRACE(spec.name);
    GuardedMetric metric = spec.metric;
    if (spec.metric == GuardMetric::custom) metric.number = "speed";
    EXPECT_EQ(metric_of(to_string(metric)), metric);
    EXPECT_FALSE(spec.words.empty());
    EXPECT_TRUE(spec.figure == nullptr || !spec.figure(Figures{}, "speed")) << "nothing is no figure";
    for (const auto& key : {spec.rollback, spec.promotion, spec.floor}) {
      EXPECT_GE(key.standard, key.least);
      EXPECT_LE(key.standard, key.most);
    }
    EXPECT_GE(spec.promotion.standard, spec.rollback.standard);
    Policy policy;
    if (is_of_shadow_runs(spec)) policy.shadow = wire::ShadowSpec{};
    policy.guards = {{.metric = metric, .min_samples = 7, .action = Reaction::halt}};
    policy.guards[0].promotion_margin += 0.5;
    const auto again = decode_policy(encode(policy));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->guards, policy.guards);
  }
}

TEST(GuardMetrics, FiguresComeFromWhatTheWindowsAddUpTo) {
  Figures side{.exposure = seconds(50), .count = 200, .errors = 50, .labelled = 100, .correct = 75};
  side.latency.add(10, 100);
  side.power_w.add(4, 1);
  side.confidence.add(0.9, 200);
  side.numbers["speed"].add(-7, 30);
  const auto figure = [&side](GuardMetric metric) { return spec_of(metric).figure(side, "").value().value; };
  EXPECT_NEAR(figure(GuardMetric::latency_p95), 10, 0.2);
  EXPECT_DOUBLE_EQ(figure(GuardMetric::error_rate), 0.25);
  EXPECT_DOUBLE_EQ(figure(GuardMetric::accuracy), 0.75);
  EXPECT_DOUBLE_EQ(figure(GuardMetric::throughput), 4);
  EXPECT_DOUBLE_EQ(figure(GuardMetric::energy_per_inference), 1);
  EXPECT_DOUBLE_EQ(figure(GuardMetric::confidence), 0.9);
  const auto& custom = spec_of(GuardMetric::custom);
  EXPECT_DOUBLE_EQ(custom.figure(side, "speed").value().value, -7);
  EXPECT_EQ(custom.figure(side, "speed").value().samples, 30U);
  EXPECT_FALSE(custom.figure(side, "other"));
}

TEST(GuardMetrics, OfAProgramsNumberThePolicySaysWhatIsHarm) {
  const auto guard_of = [](const char* document) {
    return decode_policy({{"guards", {nlohmann::json::parse(document)}}});
  };
  const auto speed = guard_of(
      R"({"metric": "custom:speed", "worse": "lower", "scale": "ratio", "rollback_margin": 1.1, "promotion_margin": 1.2})");
  ASSERT_TRUE(speed) << speed.error().message;
  const GuardedMetric& metric = speed->guards.at(0).metric;
  EXPECT_EQ(metric.number, "speed");
  EXPECT_EQ(metric.worse, WorseWhen::lower);
  EXPECT_EQ(metric.scale, Scale::ratio);
  EXPECT_EQ(words_of(metric), "mean speed");
  const std::pair<const char*, const char*> refused[] = {
      {R"({"metric": "custom:speed", "rollback_margin": 1, "promotion_margin": 2})", "worse"},
      {R"({"metric": "custom:speed", "worse": "higher", "promotion_margin": 2})", "rollback_margin"},
      {R"({"metric": "custom:speed", "worse": "higher", "rollback_margin": 1})", "promotion_margin"},
      {R"({"metric": "custom:speed", "worse": "higher", "rollback_margin": 0, "promotion_margin": 0})", "over 0"},
      {R"({"metric": "custom:speed", "worse": "up", "rollback_margin": 1, "promotion_margin": 2})", "higher, lower"},
      {R"({"metric": "custom:Speed", "worse": "higher", "rollback_margin": 1, "promotion_margin": 2})", "custom:NAME"},
      {R"({"metric": "custom", "worse": "higher", "rollback_margin": 1, "promotion_margin": 2})", "custom:NAME"},
      {R"({"metric": "accuracy", "worse": "higher"})", "worse"}};
  for (const auto& [document, reason] : refused) {
    const auto policy = guard_of(document);
    ASSERT_FALSE(policy) << document;
    EXPECT_NE(policy.error().message.find(reason), std::string::npos) << policy.error().message;
  }
  const auto twice = decode_policy(nlohmann::json::parse(R"({"guards": [
    {"metric": "custom:a", "worse": "lower", "rollback_margin": 1, "promotion_margin": 2},
    {"metric": "custom:b", "worse": "lower", "rollback_margin": 1, "promotion_margin": 2},
    {"metric": "custom:a", "worse": "higher", "rollback_margin": 1, "promotion_margin": 2}]})"));
  ASSERT_FALSE(twice);
  EXPECT_NE(twice.error().message.find("guards[2]"), std::string::npos) << twice.error().message;
}

// A number that fell by a fifth on the canaries, whatever it is to each device.
GuardPanel panel_with_speed(double factor, std::string name = "speed") {
  Rng rng(7);
  GuardPanel panel{.classes = {"arm"}, .members = {}};
  for (int i = 0; i < 48; ++i) {
    const bool canary = i < 12;
    const double level = -20 - 10 * rng.normal();
    const auto window = [&](Instant at, double value) {
      TakenWindow one{.started_at = at, .ended_at = at + minutes(1), .count = 100};
      one.numbers[name] = {100, 100 * value, value, value};
      return one;
    };
    PanelMember member{.device = "cam-" + std::to_string(i), .wave = canary ? 0 : 1, .old_version = "1.0"};
    add(member.before, window(opening - minutes(5), level));
    const double since = level + 0.1 * rng.normal() + (canary ? factor : 0);
    for (int minute = 1; minute <= 5; ++minute)
      take(member, open_wave, canary ? "1.1" : "1.0", window(opening + minutes(minute), since));
    panel.members.push_back(member);
  }
  return panel;
}

// Each device saw a feature over four bins since; a share of what canaries saw moved to the last one.
GuardPanel panel_with_feature(std::uint64_t moved) {
  GuardPanel panel{.classes = {"arm"}, .members = {}};
  Rng rng(5);
  PanelWave counted = open_wave;
  counted.counts_features = true;
  const auto window = [&rng](Instant at, std::uint64_t moved_now) {
    TakenWindow one{.started_at = at, .ended_at = at + minutes(1), .count = 400};
    const std::uint64_t luck = rng.below(10);
    one.features = {{"sharpness", {100 - moved_now + luck, 100 - luck, 100, 100 + moved_now, 0}}};
    return one;
  };
  for (int i = 0; i < 48; ++i) {
    const bool canary = i < 12;
    PanelMember member{.device = "cam-" + std::to_string(i), .wave = canary ? 0 : 1, .old_version = "1.0"};
    const auto past = window(opening - minutes(5), 0);
    add(member.before, past);
    add_features(member.before, past.features);
    for (int minute = 1; minute <= 5; ++minute)
      take(member, counted, canary ? "1.1" : "1.0", window(opening + minutes(minute), canary ? moved : 0));
    panel.members.push_back(member);
  }
  return panel;
}

TEST(Guard, DriftIsJudgedAgainstTheReferenceOfTheReleaseThatRan) {
  const FeatureReferences references{{"1.0", {{"sharpness", {1, 2, 3}, {500, 500, 500, 500, 0}}}},
                                     {"1.1", {{"sharpness", {1, 2, 3}, {500, 500, 500, 500, 0}}}}};
  LookContext context = at_look(1);
  context.look.shares_of_dwell = {1};
  const auto verdict = [&](std::uint64_t moved, const FeatureReferences& known) {
    GuardPanel panel = panel_with_feature(moved);
    score_drift(panel, "1.1", known);
    return judge_guards(policy_on(GuardMetric::drift), panel, context).at(0);
  };
  EXPECT_EQ(verdict(80, references).verdict, Verdict::fail) << verdict(80, references).message;
  EXPECT_EQ(verdict(0, references).verdict, Verdict::pass) << verdict(0, references).message;
  EXPECT_EQ(verdict(80, {}).verdict, Verdict::skipped) << "no reference, no drift";
  auto trained_on_it = references;
  trained_on_it["1.1"][0].counts = {100, 500, 500, 900, 0};
  EXPECT_EQ(verdict(80, trained_on_it).verdict, Verdict::pass) << "the new release knows such inputs";
}

TEST(Guard, AReleaseThatIsFedWhatItDoesNotKnowBreaksItsInputContract) {
  // The new release was made for sharpness up to 2, and its program sends what it always sent.
  const InputContracts contracts{
      {"1.0", judged_reference({{"sharpness", {1, 2, 3}, {500, 500, 500, 500, 0}}})},
      {"1.1", judged_reference({{"sharpness", {1, 2, 3}, {500, 500, 500, 500, 0}}},
                               {.features = {{.name = "sharpness", .least = 0, .most = 2}}})}};
  LookContext context = at_look(1);
  context.look.shares_of_dwell = {1};
  const auto verdict = [&](const InputContracts& known) {
    GuardPanel panel = panel_with_feature(0);
    score_contracts(panel, "1.1", known);
    return judge_guards(policy_on(GuardMetric::input_contract), panel, context).at(0);
  };
  EXPECT_EQ(verdict(contracts).verdict, Verdict::fail) << verdict(contracts).message;
  auto kept = contracts;
  kept["1.1"] = kept["1.0"];
  EXPECT_EQ(verdict(kept).verdict, Verdict::pass) << verdict(kept).message;
  EXPECT_EQ(verdict({}).verdict, Verdict::skipped) << "no contract, nothing broken";
}

TEST(ContractScore, OfAFeatureThatIsMissingAllIsBroken) {
  const auto model = judged_reference(
      {{"sharpness", {1, 2, 3}, {500, 500, 500, 500, 0}}, {"brightness", {1, 2, 3}, {500, 500, 500, 500, 0}}});
  const std::map<std::string, std::vector<std::uint64_t>> both{{"sharpness", {100, 100, 100, 100, 0}},
                                                               {"brightness", {100, 100, 100, 100, 0}}};
  EXPECT_EQ(contract_score(*model, both, true).value().broken, 0);
  const std::map<std::string, std::vector<std::uint64_t>> one{{"sharpness", {100, 100, 100, 100, 0}}};
  EXPECT_EQ(contract_score(*model, one, true).value().broken, 1);
  EXPECT_EQ(contract_score(*model, one, false).value().broken, 0) << "it may have been left out";
  EXPECT_FALSE(contract_score(*model, {}, true)) << "no counts at all";
  const std::map<std::string, std::vector<std::uint64_t>> nan{{"sharpness", {50, 50, 50, 50, 200}},
                                                              {"brightness", {100, 100, 100, 100, 0}}};
  EXPECT_NEAR(contract_score(*model, nan, true).value().broken, 0.45, 0.001) << "but for the 5 % that may be";
}

TEST(Figures, KeepTheCountsOfABoundedNumberOfFeatures) {
  Figures figures;
  for (int i = 0; i < 20; ++i) add_features(figures, {{"f" + std::to_string(i), {1, 2, 3}}});
  EXPECT_EQ(figures.features.size(), Figures::most_features);
  add_features(figures, {{"f3", {1, 2, 3}}, {"f4", std::vector<std::uint64_t>(Figures::most_bins + 1, 1)}});
  EXPECT_EQ(figures.features["f3"], (std::vector<std::uint64_t>{2, 4, 6}));
  EXPECT_EQ(figures.features["f4"], (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(decode_figures(encode(figures)).value().features, figures.features);
}

Policy policy_on_latencies() {
  Policy policy;
  policy.guards = {
      {.metric = GuardMetric::latency_p50}, {.metric = GuardMetric::latency_p95}, {.metric = GuardMetric::latency_p99}};
  return policy;
}

TEST(Guard, AFamilyFindsWhatEachAloneWouldMiss) {
  // Nine canaries of 27: by permutation, at a look where a third of alpha is not enough and all of it is.
  int together = 0, alone = 0;
  for (int number = 1; number <= 20; ++number) {
    const auto panel = panel_of({.canaries = 9, .controls = 18, .factor = 1.2, .noise = 0.12});
    const auto context = at_look(number);
    for (const auto& seen : judge_guards(policy_on_latencies(), panel, context))
      together += seen.verdict == Verdict::fail ? 1 : 0;
    Policy thirds = policy_on_latencies();
    for (const auto metric : {GuardMetric::latency_p50, GuardMetric::latency_p95, GuardMetric::latency_p99}) {
      thirds.guards = {{.metric = metric, .weight = 1}, {.metric = GuardMetric::power, .weight = 2}};
      alone += judge_guards(thirds, panel, context).at(0).verdict == Verdict::fail ? 1 : 0;
    }
  }
  EXPECT_GT(together, alone);
}

TEST(Guard, AMetricOfAFamilyThatIsHardlyMeasuredIsJudgedAlone) {
  Policy policy = policy_on_latencies();
  policy.guards[2].min_samples = 1'000'000;
  const auto seen = judge_guards(policy, panel_of({.factor = 1.5}), at_look(1));
  EXPECT_EQ(seen[0].verdict, Verdict::fail);
  EXPECT_EQ(seen[1].verdict, Verdict::fail);
  EXPECT_EQ(seen[2].verdict, Verdict::waiting);
}

// Of the same alpha as one guard alone, whatever chance makes of three that rise and fall together.
TEST(Guard, AFamilyErrsNoMoreOftenThanItsAlpha) {
  Policy policy = policy_on_latencies();
  policy.alpha = 0.2;
  constexpr int trials = 400;
  int failed = 0;
  Rng rng(41);
  for (int trial = 0; trial < trials; ++trial) {
    GuardPanel panel{.classes = {"arm"}, .members = {}};
    for (int i = 0; i < 32; ++i) {
      PanelMember member{.device = "cam-" + std::to_string(i), .wave = i < 12 ? 0 : 1, .old_version = "1.0"};
      add(member.before, window_of(opening - minutes(5), 20, 0, 0));
      const auto since = window_of(opening + minutes(1), 20 * std::exp(0.2 * rng.normal()), 0, 0);
      take(member, open_wave, i < 12 ? "1.1" : "1.0", since);
      panel.members.push_back(member);
    }
    LookContext context = at_look(1);
    context.look.exposure = minutes(1);
    context.seed = rng();
    const auto seen = judge_guards(policy, panel, context);
    failed += std::any_of(seen.begin(), seen.end(), [](const auto& one) { return one.verdict == Verdict::fail; });
  }
  // The first look may spend half of alpha: 10 %, and two standard errors.
  EXPECT_LE(failed, trials / 10 + 12);
  EXPECT_GE(failed, trials / 20) << "three that are the same are one";
}

// Canaries that die while nobody else does: too few for a comparison of shares, one after the other hardly chance.
TEST(Guard, FewCanariesThatFallSilentOneAfterTheOtherAreFound) {
  constexpr int canaries = 10, devices = 40;
  GuardPanel panel{.classes = {"arm"}, .members = {}};
  for (int i = 0; i < devices; ++i) {
    PanelMember member{.device = "cam-" + std::to_string(i), .wave = i < canaries ? 0 : 1, .old_version = "1.0"};
    add(member.before, window_of(opening - minutes(5), 20, 0, 0));
    member.has_it = i < canaries;
    panel.members.push_back(member);
  }
  Policy policy = policy_on(GuardMetric::silence);
  policy.alpha = 0.01;
  std::vector<GuardVerdict> before;
  int found_at = 0;
  for (int hour = 1; hour <= 6 && found_at == 0; ++hour) {
    for (int i = 0; i < devices; ++i) {
      const bool dead = i < canaries && i < hour;
      const bool canary = i < canaries;
      if (!dead)
        take(panel.members[static_cast<std::size_t>(i)], open_wave, canary ? "1.1" : "1.0",
             window_of(opening + minutes(60 * hour), 20, 0, 0));
    }
    LookContext context = at_look(hour);
    context.look.shares_of_dwell = {0.01 * hour};
    context.now = opening + minutes(60 * hour + 2);
    context.began_at = opening;
    context.before = before;
    before = judge_guards(policy, panel, context);
    // As a server that begins anew reads it.
    for (auto& seen : before) seen = decode_guard_verdict(nlohmann::json::parse(encode(seen).dump())).value();
    if (before.at(0).verdict == Verdict::fail) found_at = hour;
  }
  EXPECT_GE(found_at, 2);
  EXPECT_LE(found_at, 5);
  EXPECT_TRUE(before.at(0).evidence);
}

TEST(Guard, WhoWasSilentBeforeTheRolloutSaysNothingOfIt) {
  GuardPanel panel = panel_of({});
  for (int i = 0; i < 6; ++i) {
    PanelMember dead{.device = "dead-" + std::to_string(i), .wave = 1, .old_version = "1.0"};
    add(dead.before, window_of(opening - minutes(600), 20, 0, 0));
    panel.members.push_back(dead);
  }
  const RowRules rules{.wave = 0, .now = opening + minutes(6), .silent_after = minutes(15)};
  const auto step = silence_since(panel, rules, opening).at(0);
  EXPECT_EQ(step.reporting_canaries, 12U);
  EXPECT_EQ(step.reporting_controls, 36U);
  EXPECT_EQ(step.silent_controls, 0U);
  EXPECT_EQ(silence_since(panel, rules, opening - minutes(700)).at(0).silent_controls, 6U);
}

TEST(Guard, AProgramsNumberIsJudgedInItsOwnDirection) {
  GuardedMetric speed(GuardMetric::custom);
  speed.number = "speed";
  Policy policy;
  policy.guards = {{.metric = speed, .rollback_margin = 1, .promotion_margin = 2}};
  const auto verdict = [&policy](const GuardPanel& panel) { return judge_guards(policy, panel, at_look(1)).at(0); };
  const auto worse = verdict(panel_with_speed(3));
  EXPECT_EQ(worse.verdict, Verdict::fail) << worse.message;
  EXPECT_NE(worse.message.find("mean speed +"), std::string::npos) << worse.message;
  EXPECT_EQ(verdict(panel_with_speed(-3)).verdict, Verdict::pass);
  policy.guards[0].metric.worse = WorseWhen::lower;
  const auto fell = verdict(panel_with_speed(-3));
  EXPECT_EQ(fell.verdict, Verdict::fail) << fell.message;
  EXPECT_NE(fell.message.find("mean speed -"), std::string::npos) << fell.message;
  EXPECT_EQ(verdict(panel_with_speed(0, "other")).verdict, Verdict::skipped) << "nobody reports it";
  const auto again = decode_guard_verdict(nlohmann::json::parse(encode(fell).dump()));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->metric, policy.guards[0].metric);
}

}  // namespace
}  // namespace argosy::server
