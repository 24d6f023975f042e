// The fleet simulation by seed. ARGOSY_SIM_SEED=17 replays one seed and tells what its devices do;
// ARGOSY_SIM_SEEDS=5000 runs more than usual.
#include "tests/sim/fleet_sim.hpp"

#include <cstdlib>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace argosy::sim {
namespace {

constexpr std::uint64_t parts = 8;
constexpr std::uint64_t usual_seeds = 2000;

std::optional<std::uint64_t> number_from(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr || *text == '\0') return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

// Without faults and operators the end is known.
void expect_known_end(const Scenario& scenario, const Outcome& outcome) {
  using server::RolloutState;
  switch (scenario.badness) {
    case Badness::none:
      EXPECT_EQ(outcome.first_state, RolloutState::completed);
      EXPECT_EQ(server::failed(outcome.first_counts), 0);
      EXPECT_EQ(server::count_of(outcome.first_counts, "queued"), 0);
      return;
    case Badness::refused:
      EXPECT_EQ(server::succeeded(outcome.first_counts), 0);
      break;
    case Badness::inaccurate:
      EXPECT_EQ(outcome.first_state, RolloutState::rolled_back);
      break;
    case Badness::slow:
    case Badness::crashes:
      break;
  }
  EXPECT_NE(outcome.first_state, RolloutState::running);
  EXPECT_LE(outcome.told, outcome.planned_first_wave) << "a bad release got past its canaries";
}

void expect_sound(std::uint64_t seed, bool trace = false) {
  SCOPED_TRACE("replay with ARGOSY_SIM_SEED=" + std::to_string(seed));
  auto scenario = scenario_of(seed);
  scenario.trace = trace;
  const auto outcome = run(scenario);
  EXPECT_GT(outcome.events, 1000U);
  for (const auto& violation : outcome.violations) ADD_FAILURE() << violation;
  if (scenario.calm) expect_known_end(scenario, outcome);
}

class FleetSim : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(FleetSim, IsSafeAtEveryStepAndConvergesWhenTheFaultsEnd) {
  if (const auto only = number_from("ARGOSY_SIM_SEED")) {
    if (*only % parts == GetParam()) expect_sound(*only, true);
    return;
  }
  const auto seeds = number_from("ARGOSY_SIM_SEEDS").value_or(usual_seeds);
  for (auto seed = GetParam(); seed < seeds; seed += parts) {
    expect_sound(seed);
    if (HasFatalFailure() || HasNonfatalFailure()) return;  // the first seed is enough to replay
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, FleetSim, ::testing::Range<std::uint64_t>(0, parts));

// A new wish for the version whose slot was just being overwritten.
TEST(FleetSimulation, SeedsThatOnceFailedHoldNow) {
  for (const std::uint64_t seed : {629, 1795}) expect_sound(seed);
}

TEST(FleetSimulation, SomeSeedsHaveShadowRuns) {
  std::uint64_t reports = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) reports += run(scenario_of(seed)).shadow_reports;
  EXPECT_GT(reports, 50U);
}

TEST(FleetSimulation, InSomeSeedsDevicesJoinWhatStands) {
  std::uint64_t newcomers = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) newcomers += run(scenario_of(seed)).newcomers;
  EXPECT_GT(newcomers, 10U);
}

TEST(FleetSimulation, TheSameSeedRepeatsTheRun) {
  for (const std::uint64_t seed : {1, 6}) {
    const auto first = run(scenario_of(seed));
    const auto second = run(scenario_of(seed));
    EXPECT_EQ(first.events, second.events);
    EXPECT_EQ(first.first_counts, second.first_counts);
  }
}

}  // namespace
}  // namespace argosy::sim
