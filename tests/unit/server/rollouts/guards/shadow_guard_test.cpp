// Guards over shadow runs: both versions on the same inputs of a device.
#include <string>

#include <gtest/gtest.h>

#include "common/base/random.hpp"
#include "server/rollouts/guards/guard.hpp"
#include "server/rollouts/guards/paired_judge.hpp"
#include "server/rollouts/guards/shadow_panel.hpp"

namespace argosy::server {
namespace {

const Instant after_all = instant_from_ms(1'800'000'000'000);

struct ShadowFleet {
  int devices = 12;
  std::uint64_t samples = 400;
  bool has_labels = true;
  double old_accuracy = 0.95;
  double new_accuracy = 0.95;
  double disagreement = 0.03;
  std::uint64_t seed = 3;
};

wire::ShadowCounts counts_on_device(const ShadowFleet& fleet, Rng& rng) {
  wire::ShadowCounts counts{.samples = fleet.samples};
  for (std::uint64_t i = 0; i < fleet.samples; ++i) {
    const bool old_right = fleet.has_labels && rng.chance(fleet.old_accuracy);
    const bool new_right = fleet.has_labels && rng.chance(fleet.new_accuracy);
    counts.labelled += fleet.has_labels ? 1 : 0;
    counts.old_right += old_right ? 1 : 0;
    counts.new_right += new_right ? 1 : 0;
    counts.both_right += old_right && new_right ? 1 : 0;
    counts.agreed += rng.chance(fleet.disagreement) ? 0 : 1;
  }
  return counts;
}

GuardPanel shadowed_panel(const ShadowFleet& fleet) {
  Rng rng(fleet.seed);
  GuardPanel panel{.classes = {"arm"}, .members = {}};
  for (int i = 0; i < 4 * fleet.devices; ++i) {
    PanelMember member{.device = "cam-" + std::to_string(i), .wave = i < fleet.devices ? 0 : 1, .old_version = "1.0"};
    if (i < fleet.devices) member.shadow = counts_on_device(fleet, rng);
    panel.members.push_back(std::move(member));
  }
  return panel;
}

Policy shadow_policy(GuardMetric metric, GuardMode mode) {
  Policy policy;
  policy.shadow = wire::ShadowSpec{};
  policy.guards = {{.metric = metric, .mode = mode}};
  return policy;
}

GuardVerdict judge_shadow(GuardMetric metric, const GuardPanel& panel, GuardMode mode = GuardMode::automatic,
                          int number = 1) {
  const LookContext context{.look = {.number = number, .in_wave = number, .shares_of_dwell = {0.1}}, .now = after_all};
  return judge_guards(shadow_policy(metric, mode), panel, context).at(0);
}

TEST(ShadowGuard, PassesWhereTheNewVersionIsAsOftenRight) {
  const auto seen = judge_shadow(GuardMetric::shadow_accuracy, shadowed_panel({.devices = 30}));
  EXPECT_EQ(seen.verdict, Verdict::pass) << seen.message;
  EXPECT_EQ(seen.canaries, 30U);
  EXPECT_EQ(seen.controls, 0U);
  EXPECT_LT(*seen.lower, *seen.estimate);
  EXPECT_LT(*seen.estimate, *seen.upper);
}

TEST(ShadowGuard, FailsWhereItIsSurelyLessOftenRightAndSaysBothFigures) {
  const auto seen = judge_shadow(GuardMetric::shadow_accuracy, shadowed_panel({.new_accuracy = 0.85}));
  EXPECT_EQ(seen.verdict, Verdict::fail) << seen.message;
  EXPECT_NEAR(*seen.estimate, 0.1, 0.03);
  EXPECT_NEAR(*seen.before, 0.95, 0.02);
  EXPECT_NEAR(*seen.canary, 0.85, 0.03);
  EXPECT_NE(seen.message.find("of the new version against"), std::string::npos) << seen.message;
  EXPECT_NE(seen.message.find("on 12 devices"), std::string::npos) << seen.message;
}

TEST(ShadowGuard, NeedsNobodyThatWaits) {
  GuardPanel panel = shadowed_panel({.new_accuracy = 0.85});
  panel.members.resize(12);
  EXPECT_EQ(judge_shadow(GuardMetric::shadow_accuracy, panel).verdict, Verdict::fail);
}

TEST(ShadowGuard, WithoutLabelsItIsTheDisagreementThatCounts) {
  const GuardPanel alike = shadowed_panel({.has_labels = false, .disagreement = 0.03});
  EXPECT_EQ(judge_shadow(GuardMetric::shadow_accuracy, alike).verdict, Verdict::skipped);
  EXPECT_EQ(judge_shadow(GuardMetric::shadow_accuracy, alike, GuardMode::required).verdict, Verdict::waiting);
  EXPECT_EQ(judge_shadow(GuardMetric::shadow_disagreement, alike).verdict, Verdict::pass);
  const GuardPanel apart = shadowed_panel({.has_labels = false, .disagreement = 0.3});
  const auto seen = judge_shadow(GuardMetric::shadow_disagreement, apart);
  EXPECT_EQ(seen.verdict, Verdict::fail) << seen.message;
  const auto labelled = judge_shadow(GuardMetric::shadow_disagreement, shadowed_panel({.disagreement = 0.3}));
  EXPECT_EQ(labelled.verdict, Verdict::skipped) << "where labels say that it is right, disagreement is no harm";
}

TEST(ShadowGuard, DisagreementAtTheMarginIsSeldomTakenForHarm) {
  int failed = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const GuardPanel at_margin = shadowed_panel({.has_labels = false, .disagreement = 0.1, .seed = seed});
    failed += judge_shadow(GuardMetric::shadow_disagreement, at_margin).verdict == Verdict::fail ? 1 : 0;
  }
  EXPECT_LE(failed, 5);
}

TEST(ShadowGuard, TooFewDevicesAreSaidToShowNothing) {
  const auto seen = judge_shadow(GuardMetric::shadow_accuracy, shadowed_panel({.devices = 3}));
  EXPECT_EQ(seen.verdict, Verdict::skipped);
  EXPECT_NE(seen.message.find("no p-value is small enough"), std::string::npos) << seen.message;
}

TEST(ShadowGuard, ADeviceWithTooFewSamplesOrThatLeftIsInNoRow) {
  GuardPanel panel = shadowed_panel({.devices = 5});
  panel.members[0].shadow = wire::ShadowCounts{.samples = 19, .labelled = 19};
  panel.members[1].has_left = true;
  EXPECT_EQ(shadow_rows_of(panel, spec_of(GuardMetric::shadow_accuracy), 20).canaries, 3U);
}

// What one device says, whatever it is, is one row.
TEST(ShadowGuard, OneDeviceThatLiesIsOutvoted) {
  GuardPanel panel = shadowed_panel({.devices = 30});
  panel.members[0].shadow = wire::ShadowCounts{.samples = wire::most_shadow_samples,
                                               .labelled = wire::most_shadow_samples,
                                               .old_right = wire::most_shadow_samples};
  EXPECT_NE(judge_shadow(GuardMetric::shadow_accuracy, panel).verdict, Verdict::fail);
}

TEST(ShadowGuard, AFaultInOneClassIsSeenThere) {
  GuardPanel panel = shadowed_panel({.devices = 60});
  panel.classes = {"arm", "x86"};
  Rng rng(9);
  for (int i = 0; i < 12; ++i) {
    panel.members[static_cast<std::size_t>(i)].stratum = 1;
    panel.members[static_cast<std::size_t>(i)].shadow = counts_on_device({.new_accuracy = 0.93}, rng);
  }
  const LookContext context{.look = {.shares_of_dwell = {1}}, .now = after_all};
  Policy policy = shadow_policy(GuardMetric::shadow_accuracy, GuardMode::automatic);
  policy.guards[0].rollback_margin = 0.01;
  const auto seen = judge_guards(policy, panel, context).at(0);
  EXPECT_EQ(seen.verdict, Verdict::fail) << seen.message;
  EXPECT_EQ(seen.driven_by, "\"x86\"");
}

// Harmless releases are stopped no more often than alpha, looked at again and again.
TEST(ShadowGuard, HarmlessReleasesAreSeldomStopped) {
  int stopped = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const GuardPanel panel =
        shadowed_panel({.devices = 12, .samples = 60, .old_accuracy = 0.7, .new_accuracy = 0.7, .seed = seed});
    bool failed = false;
    for (int number = 1; number <= 3; ++number)
      failed |=
          judge_shadow(GuardMetric::shadow_accuracy, panel, GuardMode::automatic, number).verdict == Verdict::fail;
    stopped += failed ? 1 : 0;
  }
  EXPECT_LE(stopped, 300 * 0.05 + 2 * 3.8);
}

}  // namespace
}  // namespace argosy::server
