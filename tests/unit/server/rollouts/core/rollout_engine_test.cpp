#include "server/rollouts/core/rollout_engine.hpp"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

using std::chrono::seconds;

const Instant t0 = instant_from_ms(1'800'000'000'000);

// Two waves, 3 canaries of 12 devices, no guards, one minute of baking.
Snapshot running() {
  Snapshot snapshot;
  snapshot.state = RolloutState::running;
  snapshot.policy.waves = {{0.25}, {1.0}};
  snapshot.policy.guards.clear();
  snapshot.waves = {{.planned = 3, .counts = {{"queued", 3}}, .opened_at = t0, .bake_started_at = {}},
                    {.planned = 9, .counts = {{"queued", 9}}, .opened_at = {}, .bake_started_at = {}}};
  return snapshot;
}

Snapshot with_canaries(Counts counts) {
  auto snapshot = running();
  snapshot.waves[0].counts = std::move(counts);
  return snapshot;
}

Snapshot baked(Counts counts) {
  auto snapshot = with_canaries(std::move(counts));
  snapshot.waves[0].bake_started_at = t0 - seconds(61);
  return snapshot;
}

// Baked, and so its guard on p95 latency has spoken.
Snapshot guarded(GuardVerdict verdict) {
  auto snapshot = baked({{"succeeded", 3}});
  snapshot.policy.guards = {{.metric = GuardMetric::latency_p95, .mode = verdict.mode}};
  verdict.metric = GuardMetric::latency_p95;
  verdict.message = "p95 latency is as it is";
  snapshot.guards = {std::move(verdict)};
  return snapshot;
}

template <class T>
const T* find(const std::vector<Action>& actions) {
  for (const auto& action : actions) {
    if (const auto* found = std::get_if<T>(&action)) return found;
  }
  return nullptr;
}

// What an operator would read: the state it goes to, or "open 1", "bake 0", "notify 3", "hold".
std::string summary(const Snapshot& snapshot, Instant now = t0) {
  std::string text;
  const auto add = [&text](const std::string& word) { text += (text.empty() ? "" : ", ") + word; };
  for (const auto& action : next_actions(snapshot, now)) {
    if (std::get_if<Start>(&action) != nullptr) add("start");
    if (const auto* j = std::get_if<Join>(&action)) add("join " + std::to_string(j->wave));
    if (const auto* n = std::get_if<Notify>(&action)) add("notify " + std::to_string(n->devices));
    if (const auto* b = std::get_if<StartBake>(&action)) add("bake " + std::to_string(b->wave));
    if (const auto* o = std::get_if<OpenWave>(&action)) add("open " + std::to_string(o->wave));
    if (const auto* c = std::get_if<ChangeState>(&action)) add(std::string(to_string(c->to)));
    if (std::get_if<TimeOut>(&action) != nullptr) add("time out");
    if (std::get_if<TryAgain>(&action) != nullptr) add("try again");
    if (const auto* s = std::get_if<StandDown>(&action)) add("stand down: " + s->decision.rule);
    if (std::get_if<Dismiss>(&action) != nullptr) add("dismiss");
  }
  return text.empty() ? "hold" : text;
}

TEST(RolloutEngine, PromotingAllSkipsNoRequiredGuardUnlessAnOperatorOverridesIt) {
  auto snapshot = guarded({.mode = GuardMode::required, .verdict = Verdict::waiting});
  snapshot.waves[0].bake_started_at.reset();
  snapshot.promote_all = true;
  EXPECT_EQ(summary(snapshot), "bake 0") << "the gate as it is without promotion";
  EXPECT_NE(gate_status(snapshot, t0).find("promoting all does not skip the required guard latency_p95"),
            std::string::npos);
  EXPECT_EQ(waiting_required_guards(snapshot), std::vector<std::string>{"latency_p95"});
  snapshot.overrides_guards = true;
  EXPECT_EQ(summary(snapshot), "open 1");
  EXPECT_NE(gate_status(snapshot, t0).find("overrides the required guard latency_p95"), std::string::npos);
  snapshot.overrides_guards = false;
  snapshot.guards[0].mode = GuardMode::automatic;
  EXPECT_EQ(summary(snapshot), "open 1");
}

TEST(RolloutEngine, AGuardThatWaitsIsNotInconclusiveWhileWindowsAreClosed) {
  auto snapshot = guarded({.verdict = Verdict::waiting, .is_final = true});
  snapshot.policy.gate.max_dwell_s = 3600;
  snapshot.waves[0].bake_started_at = t0 - std::chrono::hours(10);
  EXPECT_EQ(summary(snapshot), "paused");
  const WallTime wall{t0.time_since_epoch()};
  const auto minute = std::chrono::floor<std::chrono::minutes>(wall - std::chrono::floor<std::chrono::days>(wall));
  // A window of half an hour a day, which closed a moment ago.
  const auto from = (minute + std::chrono::hours(24) - std::chrono::minutes(40)) % std::chrono::hours(24);
  snapshot.policy.maintenance = Maintenance{.from = from, .length = std::chrono::minutes(30)};
  snapshot.zones = {{.zone = "UTC", .wall = wall}};
  EXPECT_EQ(summary(snapshot), "hold");
}

TEST(RolloutEngine, ASuccessOnTooFewObservationsIsNeverSilent) {
  auto snapshot = baked({{"succeeded", 3}});
  snapshot.waves[0].too_few = 2;
  const auto actions = next_actions(snapshot, t0);
  const auto* opened = find<OpenWave>(actions);
  ASSERT_NE(opened, nullptr);
  EXPECT_EQ(opened->decision.message,
            "wave 1 passed: 3 of 3 devices succeeded, 2 of them after a probation with too few observations");
  EXPECT_EQ(opened->decision.inputs["probation_too_few"], 2);
}

// Pace
// -----------------------------------------------------------------------------------------------------------------

TEST(RolloutEngine, TellsTheReachableCanariesAndNobodyElse) {
  auto snapshot = running();
  snapshot.waves[0].queued_reachable = 2;
  snapshot.waves[1].queued_reachable = 9;
  EXPECT_EQ(summary(snapshot), "notify 2");
}

TEST(RolloutEngine, KeepsTheNumberInProgressUnderItsCap) {
  auto snapshot = running();
  snapshot.policy.max_in_progress = 5;
  snapshot.wave = 1;
  snapshot.waves[1].queued_reachable = 9;
  snapshot.waves[0].running_reachable = 2;
  EXPECT_EQ(summary(snapshot), "notify 3");
}

TEST(RolloutEngine, TellsStragglersOfEarlierWavesWhenTheyAreSeen) {
  auto snapshot = running();
  snapshot.wave = 1;
  snapshot.waves[0].queued_reachable = 1;
  EXPECT_EQ(find<Notify>(next_actions(snapshot, t0))->devices, 1);
}

TEST(RolloutEngine, KeepsTheNumberOfDownloadsUnderItsCap) {
  auto snapshot = running();
  snapshot.policy.max_downloads = 3;
  snapshot.wave = 1;
  snapshot.waves[1].queued_reachable = 9;
  snapshot.waves[0].running_reachable = 3;
  snapshot.waves[0].fetching_reachable = 2;
  EXPECT_EQ(summary(snapshot), "notify 1");
  snapshot.waves[1].fetching_reachable = 1;
  EXPECT_EQ(summary(snapshot), "hold");
  EXPECT_NE(gate_status(snapshot, t0).find("3 of 3 that may download do"), std::string::npos);
}

TEST(RolloutEngine, TellsNoMoreThanItsPace) {
  auto snapshot = running();
  snapshot.policy.pace.per_minute = 12;
  snapshot.waves[0].queued_reachable = 3;
  EXPECT_EQ(summary(snapshot), "notify 1");
  const auto pace = find<Notify>(next_actions(snapshot, t0))->pace;
  snapshot.pace_spent_until = spent_after(*pace, 1);
  EXPECT_EQ(summary(snapshot), "hold");
  EXPECT_NE(gate_status(snapshot, t0).find("the pace is 12 a minute, and the next at 2027-01-15T08:00:05.000Z"),
            std::string::npos)
      << gate_status(snapshot, t0);
  EXPECT_EQ(summary(snapshot, t0 + seconds(5)), "notify 1");
}

TEST(RolloutEngine, TheGateWaitsForThoseThatThePaceHoldsBack) {
  auto snapshot = baked({{"succeeded", 2}, {"queued", 1}});
  snapshot.policy.pace.per_minute = 1;
  snapshot.pace_spent_until = t0;
  snapshot.waves[0].queued_reachable = 1;
  EXPECT_EQ(summary(snapshot), "hold");
}

TEST(RolloutEngine, ThePaceGrowsWithSuccesses) {
  auto snapshot = with_canaries({{"succeeded", 3}});
  snapshot.policy.pace = {PaceKind::exponential, 12, 4, 3, std::nullopt, 0};
  snapshot.wave = 1;
  snapshot.waves[1].queued_reachable = 9;
  EXPECT_EQ(summary(snapshot), "notify 4");
}

TEST(RolloutEngine, JitterTellsAWaveBitByBit) {
  auto snapshot = running();
  snapshot.policy.pace.jitter_s = 90;
  snapshot.wave = 1;
  snapshot.waves[0].queued_reachable = 1;  // came back: its wave was opened long ago
  snapshot.waves[0].opened_at = t0 - seconds(1000);
  snapshot.waves[1].opened_at = t0;
  snapshot.waves[1].queued_reachable = 9;
  EXPECT_EQ(summary(snapshot), "notify 2");
  snapshot.waves[1].counts = {{"queued", 8}, {"notified", 1}};
  snapshot.waves[1].queued_reachable = 8;
  snapshot.waves[0].queued_reachable = 0;
  EXPECT_EQ(summary(snapshot, t0 + seconds(9)), "hold");
  EXPECT_EQ(summary(snapshot, t0 + seconds(10)), "notify 1");
}

TEST(RolloutEngine, APacedRolloutThatCompletedTellsStragglersAtItsPace) {
  auto snapshot = running();
  snapshot.state = RolloutState::completed;
  snapshot.wave = 1;
  snapshot.waves[1].queued_reachable = 9;
  snapshot.policy.pace.per_minute = 12;
  EXPECT_EQ(summary(snapshot), "notify 1");
}

TEST(RolloutEngine, DecidesNothingBeforeItsDevicesArePlanned) {
  auto snapshot = running();
  snapshot.waves[0].queued_reachable = 3;
  snapshot.planning = "its devices are being planned: 3 of 12";
  EXPECT_TRUE(next_actions(snapshot, t0).empty());
  EXPECT_EQ(gate_status(snapshot, t0), snapshot.planning);
}

TEST(RolloutEngine, SaysTheSameTwice) {
  auto snapshot = baked({{"succeeded", 3}});
  EXPECT_EQ(next_actions(snapshot, t0), next_actions(snapshot, t0));
}

TEST(RolloutEngine, TriesAgainBeforeItJudgesTheGate) {
  auto snapshot = baked({{"succeeded", 2}, {"download", 1}});
  snapshot.waves[0].tries_ahead = 1;
  EXPECT_EQ(summary(snapshot), "hold");
  snapshot.tries_due = 1;
  EXPECT_EQ(summary(snapshot), "try again");
  snapshot.waves[0].counts = {{"probation_crash", 3}};
  EXPECT_EQ(summary(snapshot), "rolling_back") << "an abort criterion comes first";
  snapshot.state = RolloutState::paused;
  EXPECT_EQ(summary(snapshot), "hold");
}

TEST(RolloutEngine, TellsNobodyOfAWithdrawnRelease) {
  auto snapshot = baked({{"succeeded", 2}, {"queued", 1}});
  snapshot.waves[0].queued_reachable = 1;
  snapshot.withdrawn = "digits 1.1 was withdrawn by user:ada: it overheats";
  EXPECT_EQ(summary(snapshot), "paused");
  EXPECT_EQ(find<ChangeState>(next_actions(snapshot, t0))->decision.message, snapshot.withdrawn);
  snapshot.state = RolloutState::completed;
  EXPECT_EQ(summary(snapshot), "hold");
  snapshot.state = RolloutState::running;
  snapshot.waves[0].counts = {{"probation_crash", 3}};
  EXPECT_EQ(summary(snapshot), "rolling_back") << "what goes back is better than what stays";
}

// Trap: the denominator counts offline devices, so waves stall
// ---------------------------------------------------------

TEST(RolloutEngine, OfflineDevicesBlockNothing) {
  EXPECT_EQ(summary(baked({{"succeeded", 2}, {"queued", 1}})), "open 1");
}

TEST(RolloutEngine, ADeviceThatWasToldAndWentAwayBlocksNothing) {
  EXPECT_EQ(summary(baked({{"succeeded", 2}, {"notified", 1}})), "open 1");
}

TEST(RolloutEngine, AReachableDeviceStillAtWorkIsWaitedFor) {
  auto snapshot = baked({{"succeeded", 2}, {"downloading", 1}});
  snapshot.waves[0].running_reachable = 1;
  EXPECT_EQ(summary(snapshot), "hold");
}

TEST(RolloutEngine, ADeviceThatFellSilentWhileActivatingIsWaitedForUntilItsTimeOut) {
  auto snapshot = baked({{"succeeded", 2}, {"probation", 1}});
  snapshot.waves[0].suspects = 1;
  snapshot.oldest_clock = t0 - seconds(3599);
  EXPECT_EQ(summary(snapshot), "hold");
  EXPECT_EQ(summary(snapshot, t0 + seconds(1)), "time out");
}

TEST(RolloutEngine, NoGateOpensInTheSameBreathAsATimeOut) {
  auto snapshot = baked({{"succeeded", 2}, {"downloading", 1}});
  snapshot.oldest_clock = t0 - seconds(3600);
  EXPECT_EQ(summary(snapshot), "time out") << "the device that fails now may be one too many";
}

// Trap: no minimum sample
// ----------------------------------------------------------------------------------------------

TEST(RolloutEngine, AWaveOfWhichNobodyWasSeenStaysClosed) {
  EXPECT_EQ(summary(baked({{"queued", 3}})), "hold");
}

TEST(RolloutEngine, ALaterWaveThatIsAllAwayRestsOnWhatTheEarlierOnesShowed) {
  auto snapshot = with_canaries({{"succeeded", 3}});
  snapshot.wave = 1;
  snapshot.waves[1].bake_started_at = t0 - seconds(61);
  EXPECT_EQ(summary(snapshot), "completed");
  snapshot.waves[0].counts = {{"queued", 3}};
  EXPECT_EQ(summary(snapshot), "hold") << "promoted by hand, and still nobody has an outcome";
}

TEST(RolloutEngine, TheGateWaitsForItsMinimum) {
  auto snapshot = baked({{"succeeded", 2}, {"queued", 1}});
  snapshot.policy.gate.min_executed = 3;
  EXPECT_EQ(summary(snapshot), "hold");
}

TEST(RolloutEngine, AMinimumOverTheSizeOfTheWaveMeansAllOfIt) {
  auto snapshot = baked({{"succeeded", 3}});
  snapshot.policy.gate.min_executed = 50;
  EXPECT_EQ(summary(snapshot), "open 1");
}

TEST(RolloutEngine, OneFailureIsNoReasonToAbortBelowTheMinimumOfTheCriterion) {
  auto snapshot = with_canaries({{"validate_rejected", 2}, {"downloading", 1}});
  snapshot.waves[0].running_reachable = 1;
  EXPECT_EQ(summary(snapshot), "hold");
}

// Trap: an all-failed wave counts as complete
// --------------------------------------------------------------------------

TEST(RolloutEngine, AWaveThatFailedPausesAndSaysTheShare) {
  auto snapshot = baked({{"succeeded", 1}, {"download", 2}});
  const auto actions = next_actions(snapshot, t0);
  ASSERT_NE(find<ChangeState>(actions), nullptr);
  EXPECT_EQ(find<ChangeState>(actions)->to, RolloutState::paused);
  EXPECT_EQ(find<ChangeState>(actions)->decision.message,
            "wave 1: 1 of 3 devices succeeded, the gate asks for a share of 0.9");
}

TEST(RolloutEngine, AnAllFailedLastWaveIsNotComplete) {
  auto snapshot = with_canaries({{"succeeded", 3}});
  snapshot.wave = 1;
  snapshot.waves[1].counts = {{"download", 9}};
  snapshot.waves[1].bake_started_at = t0 - seconds(61);
  EXPECT_EQ(summary(snapshot), "paused");
}

TEST(RolloutEngine, AWaveWithoutASingleDeviceLeftProvesNothing) {
  EXPECT_EQ(summary(baked({{"superseded", 2}, {"decommissioned", 1}})), "paused");
}

// Trap: resume after a failed wave starts the next one
// -----------------------------------------------------------------

TEST(RolloutEngine, ResumingAfterAFailedWaveDoesNotOpenTheNext) {
  auto snapshot = baked({{"succeeded", 1}, {"download", 2}});
  snapshot.acknowledged = acknowledge(snapshot);
  EXPECT_EQ(summary(snapshot), "paused");
}

TEST(RolloutEngine, AnAcknowledgedCriterionFiresAgainOnlyForNewFailures) {
  auto snapshot = with_canaries({{"succeeded", 1}, {"timeout", 1}, {"downloading", 1}});
  snapshot.waves[0].running_reachable = 1;
  snapshot.policy.abort = {{{"timeout"}, 1, 0.5, Reaction::pause}};
  EXPECT_EQ(summary(snapshot), "paused");
  snapshot.acknowledged = acknowledge(snapshot);
  EXPECT_EQ(summary(snapshot), "hold");
  snapshot.waves[0].counts = {{"succeeded", 1}, {"timeout", 2}};
  snapshot.waves[0].running_reachable = 0;
  EXPECT_EQ(summary(snapshot), "paused");
}

TEST(RolloutEngine, HaltedStaysHalted) {
  auto snapshot = baked({{"succeeded", 3}});
  snapshot.state = RolloutState::halted;
  snapshot.waves[0].queued_reachable = 1;
  EXPECT_EQ(summary(snapshot), "hold");
}

TEST(RolloutEngine, PausedTellsNobodyAndOpensNothing) {
  auto snapshot = baked({{"succeeded", 3}});
  snapshot.state = RolloutState::paused;
  snapshot.waves[0].queued_reachable = 1;
  EXPECT_EQ(summary(snapshot), "hold");
}

// Trap: success is recorded before the device has really come up
// -------------------------------------------------------

TEST(RolloutEngine, ProbationIsNoSuccess) {
  EXPECT_EQ(executed({{"probation", 3}}), 0);
  auto snapshot = baked({{"probation", 3}});
  snapshot.waves[0].running_reachable = 3;
  EXPECT_EQ(summary(snapshot), "hold");
}

TEST(RolloutEngine, AWaveBakesBeforeTheNextOpens) {
  auto snapshot = with_canaries({{"succeeded", 3}});
  EXPECT_EQ(summary(snapshot), "bake 0");
  snapshot.waves[0].bake_started_at = t0;
  EXPECT_EQ(summary(snapshot, t0 + seconds(59)), "hold");
  EXPECT_EQ(summary(snapshot, t0 + seconds(60)), "open 1");
}

// Abort criteria: {causes, minimum executed, share, action}
// ------------------------------------------------------------

struct AbortRow {
  const char* what;
  Counts canaries;
  std::string outcome;
};

TEST(RolloutEngine, AbortCriteriaFollowTheTable) {
  const std::vector<AbortRow> table{
      {"three refusals of three halt", {{"validate_rejected", 3}}, "halted"},
      {"two refusals of three are half and more", {{"validate_rejected", 2}, {"succeeded", 1}}, "halted"},
      {"one refusal of three is under the share, but not a passed gate",
       {{"validate_rejected", 1}, {"succeeded", 2}},
       "paused"},
      {"one device that came back by itself rolls back", {{"probation_latency", 1}, {"queued", 2}}, "rolling_back"},
      {"download failures are no refusals", {{"download", 3}}, "paused"},
      {"cancelled devices are in no denominator", {{"validate_rejected", 2}, {"cancelled", 1}}, "paused"},
  };
  for (const auto& row : table) EXPECT_EQ(summary(baked(row.canaries)), row.outcome) << row.what;
}

TEST(RolloutEngine, ACriterionLooksAtEachWaveSoThatGoodOnesDoNotDiluteABadOne) {
  auto snapshot = running();
  snapshot.wave = 1;
  snapshot.policy.abort = {{{"*"}, 3, 0.5, Reaction::halt}};
  snapshot.waves[0] = {.planned = 20, .counts = {{"succeeded", 20}}, .opened_at = t0, .bake_started_at = t0};
  snapshot.waves[1].counts = {{"download", 2}, {"verify", 2}, {"queued", 5}};
  EXPECT_EQ(summary(snapshot), "halted");
}

TEST(RolloutEngine, AStopTellsNobodyNewInTheSameBreath) {
  auto snapshot = with_canaries({{"probation_crash", 1}, {"queued", 2}});
  snapshot.waves[0].queued_reachable = 2;
  EXPECT_EQ(summary(snapshot), "rolling_back");
}

TEST(RolloutEngine, ADecisionCarriesItsInputs) {
  const auto actions = next_actions(baked({{"validate_rejected", 3}}), t0);
  const auto& decision = find<ChangeState>(actions)->decision;
  EXPECT_EQ(decision.rule, "abort");
  EXPECT_EQ(decision.decision, "halt");
  EXPECT_EQ(decision.message,
            "3 of 3 devices of the rollout failed (validate_rejected); the limit is a share of 0.5 from 3 on");
  EXPECT_EQ(decision.inputs["failed"], 3);
  EXPECT_EQ(decision.inputs["executed"], 3);
}

// Guards: an analysis that never measured must not count as success
// ----------------------------------------------------

TEST(RolloutEngine, AGuardThatPassesLetsTheWavePass) {
  EXPECT_EQ(summary(guarded({.verdict = Verdict::pass})), "open 1");
}

TEST(RolloutEngine, AGuardThatFailsRollsBack) {
  EXPECT_EQ(summary(guarded({.verdict = Verdict::fail})), "rolling_back");
  const auto actions = next_actions(guarded({.verdict = Verdict::fail, .estimate = 0.25}), t0);
  const auto& decision = find<ChangeState>(actions)->decision;
  EXPECT_EQ(decision.rule, "guard");
  EXPECT_EQ(decision.message, "p95 latency is as it is");
  EXPECT_EQ(decision.inputs["metric"], "latency_p95");
  EXPECT_EQ(decision.inputs["estimate"], 0.25);
}

TEST(RolloutEngine, HarmIsActedOnBeforeTheGateIsDue) {
  auto snapshot = guarded({.verdict = Verdict::fail});
  snapshot.waves[0].counts = {{"probation", 1}, {"queued", 2}};
  snapshot.waves[0].bake_started_at.reset();
  snapshot.waves[0].queued_reachable = 2;
  EXPECT_EQ(summary(snapshot), "rolling_back");
}

TEST(RolloutEngine, AGuardThatWaitsOrCannotBeMeasuredHoldsTheGate) {
  EXPECT_EQ(summary(guarded({.verdict = Verdict::waiting})), "hold");
  EXPECT_EQ(summary(guarded({.verdict = Verdict::unknown})), "hold");
  EXPECT_EQ(summary(guarded({.mode = GuardMode::required, .verdict = Verdict::waiting})), "hold");
}

TEST(RolloutEngine, AGuardThatIsLeftOutHoldsNothing) {
  EXPECT_EQ(summary(guarded({.verdict = Verdict::skipped})), "open 1");
}

TEST(RolloutEngine, AnAdvisoryGuardDecidesNothing) {
  for (const auto verdict : {Verdict::fail, Verdict::waiting, Verdict::unknown})
    EXPECT_EQ(summary(guarded({.mode = GuardMode::advisory, .verdict = verdict})), "open 1") << to_string(verdict);
}

TEST(RolloutEngine, AnInconclusiveGuardPausesAfterTheLastLookAndNeverPromotes) {
  auto snapshot = guarded({.verdict = Verdict::waiting});
  snapshot.policy.gate.max_dwell_s = 600;
  snapshot.waves[0].bake_started_at = t0;
  EXPECT_EQ(summary(snapshot, t0 + seconds(659)), "hold");
  EXPECT_EQ(summary(snapshot, t0 + seconds(660)), "hold") << "the last look is about to be taken";
  snapshot.guards[0].is_final = true;
  EXPECT_EQ(summary(snapshot, t0 + seconds(660)), "paused");
  const auto actions = next_actions(snapshot, t0 + seconds(660));
  EXPECT_EQ(find<ChangeState>(actions)->decision.message,
            "wave 1: inconclusive: p95 latency is as it is, and the longest wait is over");
}

TEST(RolloutEngine, ALastLookThatNeverComesHoldsNobodyForEver) {
  auto snapshot = guarded({.verdict = Verdict::unknown});
  snapshot.policy.gate.max_dwell_s = 600;
  snapshot.waves[0].bake_started_at = t0;
  EXPECT_EQ(summary(snapshot, t0 + seconds(719)), "hold");
  EXPECT_EQ(summary(snapshot, t0 + seconds(720)), "paused");
}

TEST(RolloutEngine, AnAcceptedGuardLeavesPromotionToTheOperator) {
  auto snapshot = guarded({.verdict = Verdict::fail});
  snapshot.policy.guards[0].action = Reaction::pause;
  EXPECT_EQ(summary(snapshot), "paused");
  snapshot.acknowledged = acknowledge(snapshot);
  EXPECT_EQ(summary(snapshot), "hold");
}

// Waves and the end
// ----------------------------------------------------------------------------------------------------

TEST(RolloutEngine, AManualGateWaitsForTheOperator) {
  auto snapshot = baked({{"succeeded", 3}});
  snapshot.policy.gate.manual = true;
  EXPECT_EQ(summary(snapshot), "hold");
  EXPECT_EQ(gate_status(snapshot, t0), "3 of 3 devices succeeded; waiting for an operator to promote");
}

TEST(RolloutEngine, WavesWithoutDevicesAreSteppedOver) {
  auto snapshot = baked({{"succeeded", 3}});
  snapshot.waves.insert(snapshot.waves.begin() + 1, WaveView{});
  EXPECT_EQ(summary(snapshot), "open 2");
}

TEST(RolloutEngine, CompletesWithStragglersAndSaysSo) {
  auto snapshot = with_canaries({{"succeeded", 3}});
  snapshot.wave = 1;
  snapshot.waves[1].counts = {{"succeeded", 7}, {"queued", 2}};
  snapshot.waves[1].bake_started_at = t0 - seconds(61);
  const auto actions = next_actions(snapshot, t0);
  ASSERT_NE(find<ChangeState>(actions), nullptr);
  EXPECT_EQ(find<ChangeState>(actions)->to, RolloutState::completed);
  EXPECT_EQ(find<ChangeState>(actions)->decision.message,
            "the last wave passed its gate: 7 of 7 devices succeeded; 2 devices get it when they are seen");
}

TEST(RolloutEngine, ACompletedRolloutStillTellsItsStragglers) {
  auto snapshot = with_canaries({{"succeeded", 3}});
  snapshot.state = RolloutState::completed;
  snapshot.wave = 1;
  snapshot.waves[1].counts = {{"succeeded", 7}, {"queued", 2}};
  snapshot.waves[1].queued_reachable = 1;
  EXPECT_EQ(summary(snapshot), "notify 1");
}

TEST(RolloutEngine, TimeOutsRunInEveryStateThatHasDevicesAtWork) {
  using enum RolloutState;
  for (const auto state : {RolloutState::running, paused, halted, completed, rolling_back}) {
    auto snapshot = with_canaries({{"downloading", 3}});
    snapshot.state = state;
    snapshot.rolling_back_reachable = 1;
    snapshot.oldest_clock = t0 - seconds(3600);
    EXPECT_EQ(summary(snapshot), "time out") << to_string(state);
  }
}

TEST(RolloutEngine, IsRolledBackWhenEveryReachableDeviceIsBack) {
  auto snapshot = with_canaries({{"rolling_back", 2}, {"rolled_back", 1}});
  snapshot.state = RolloutState::rolling_back;
  snapshot.rolling_back_reachable = 1;
  EXPECT_EQ(summary(snapshot), "hold");
  snapshot.rolling_back_reachable = 0;
  EXPECT_EQ(summary(snapshot), "rolled_back");
}

// Start and promotion
// ---------------------------------------------------------------------------------------------------------

TEST(RolloutEngine, AScheduledRolloutStartsWhenItsTimeHasCome) {
  auto snapshot = running();
  snapshot.state = RolloutState::scheduled;
  snapshot.waves[0].queued_reachable = 3;
  snapshot.start_at = t0 + seconds(1);
  EXPECT_EQ(summary(snapshot), "hold");
  EXPECT_EQ(summary(snapshot, t0 + seconds(1)), "start");
  EXPECT_EQ(find<Start>(next_actions(snapshot, t0 + seconds(301)))->why,
            "started as scheduled for 2027-01-15T08:00:01.000Z");
  EXPECT_EQ(find<Start>(next_actions(snapshot, t0 + seconds(302)))->why,
            "started as scheduled for 2027-01-15T08:00:01.000Z, 301 s late,");
}

TEST(RolloutEngine, AScheduledRolloutThatCannotBeReadOrIsWithdrawnGoesBackToDraft) {
  auto snapshot = running();
  snapshot.state = RolloutState::scheduled;
  snapshot.start_at = t0;
  snapshot.fault = "its policy cannot be read";
  EXPECT_EQ(summary(snapshot), "draft");
  snapshot.fault.clear();
  snapshot.withdrawn = "digits 1.1 was withdrawn by user:ada: it overheats";
  EXPECT_EQ(summary(snapshot), "draft");
}

TEST(RolloutEngine, OneThatWaitsForApprovalDoesNothing) {
  auto snapshot = running();
  snapshot.state = RolloutState::awaiting_approval;
  snapshot.waves[0].queued_reachable = 3;
  snapshot.start_at = t0 - seconds(100);
  EXPECT_EQ(summary(snapshot), "hold");
}

TEST(RolloutEngine, PromotingAllSkipsTheBakeTheGuardsAndTheOperator) {
  for (const auto verdict : {Verdict::waiting, Verdict::unknown}) {
    auto snapshot = guarded({.verdict = verdict});
    snapshot.policy.gate.manual = true;
    snapshot.waves[0].bake_started_at = {};
    snapshot.promote_all = true;
    EXPECT_EQ(summary(snapshot), "open 1") << to_string(verdict);
  }
}

TEST(RolloutEngine, PromotingAllStillWaitsForOutcomes) {
  auto snapshot = with_canaries({{"succeeded", 2}, {"downloading", 1}});
  snapshot.promote_all = true;
  snapshot.waves[0].running_reachable = 1;
  EXPECT_EQ(summary(snapshot), "hold");
}

TEST(RolloutEngine, PromotingAllStopsForWhatStopsEveryRollout) {
  auto failing = with_canaries({{"succeeded", 1}, {"probation_crash", 2}});
  failing.promote_all = true;
  EXPECT_EQ(summary(failing), "rolling_back") << "an abort criterion";
  auto slow = guarded({.verdict = Verdict::fail});
  slow.promote_all = true;
  EXPECT_EQ(summary(slow), "rolling_back") << "a guard that fails";
  slow.acknowledged.guards = {GuardMetric::latency_p95};
  EXPECT_EQ(summary(slow), "hold") << "a guard that fails, and was accepted, waits for another promote";
  auto half = with_canaries({{"succeeded", 2}, {"download", 1}});
  half.promote_all = true;
  EXPECT_EQ(summary(half), "paused") << "the success share";
}

TEST(RolloutEngine, PromotingAllLeavesTheLastWaveItsGate) {
  auto snapshot = with_canaries({{"succeeded", 3}});
  snapshot.promote_all = true;
  snapshot.wave = 1;
  snapshot.waves[1].counts = {{"succeeded", 9}};
  EXPECT_EQ(summary(snapshot), "bake 1");
}

// Dynamic targets
// ---------------------------------------------------------------------------------------------------------

TEST(RolloutEngine, LooksForNewDevicesEveryTenSecondsBeforeItJudgesAGate) {
  auto snapshot = baked({{"succeeded", 3}});
  snapshot.policy.targets = Targets::dynamic;
  EXPECT_EQ(summary(snapshot), "join 1");
  snapshot.withdrawn = "digits 1.1 was withdrawn by user:ada: it overheats";
  EXPECT_EQ(summary(snapshot), "paused");
  snapshot.withdrawn.clear();
  snapshot.looked_for_more_at = t0;
  EXPECT_EQ(summary(snapshot, t0 + seconds(9)), "open 1");
  EXPECT_EQ(summary(snapshot, t0 + seconds(10)), "join 1");
  snapshot.state = RolloutState::halted;
  EXPECT_EQ(summary(snapshot, t0 + seconds(10)), "hold");
}

// Rollouts that stand
// ---------------------------------------------------------------------------------------------------------

Snapshot standing() {
  auto snapshot = running();
  snapshot.state = RolloutState::completed;
  snapshot.standing = true;
  snapshot.stands = true;
  snapshot.wave = 1;
  snapshot.waves[0].counts = {{"succeeded", 3}};
  snapshot.waves[1] = {
      .planned = 11, .counts = {{"succeeded", 9}, {"queued", 2}}, .opened_at = t0, .queued_reachable = 2};
  return snapshot;
}

TEST(RolloutEngine, CompletesAndSaysThatItStands) {
  auto snapshot = baked({{"succeeded", 3}});
  snapshot.waves.pop_back();
  snapshot.policy.waves = {{1.0}};
  snapshot.standing = true;
  const auto actions = next_actions(snapshot, t0);
  const auto* completion = find<ChangeState>(actions);
  ASSERT_NE(completion, nullptr);
  EXPECT_EQ(completion->to, RolloutState::completed);
  EXPECT_NE(completion->decision.message.find("it stands: devices that come later get it"), std::string::npos);
}

TEST(RolloutEngine, TellsNewcomersAtThePaceOfTheRollout) {
  auto snapshot = standing();
  EXPECT_EQ(summary(snapshot), "notify 2");
  snapshot.policy.max_in_progress = 1;
  EXPECT_EQ(summary(snapshot), "notify 1");
  snapshot.waves[1].running_reachable = 1;
  EXPECT_EQ(summary(snapshot), "hold");
}

TEST(RolloutEngine, StandsDownWhenNewcomersKeepFailing) {
  auto snapshot = standing();
  snapshot.newcomers = {{"validate_rejected", 2}, {"succeeded", 1}};
  EXPECT_EQ(summary(snapshot), "notify 2");
  snapshot.newcomers = {{"validate_rejected", 3}, {"succeeded", 1}};
  EXPECT_EQ(summary(snapshot), "stand down: newcomers");
  snapshot.stands = false;  // and now nobody tells those that joined
  snapshot.has_untold_newcomers = true;
  EXPECT_EQ(summary(snapshot), "dismiss");
  snapshot.has_untold_newcomers = false;
  EXPECT_EQ(summary(snapshot), "notify 2") << "stragglers of the plan";
}

TEST(RolloutEngine, AWithdrawnReleaseStandsForNobody) {
  auto snapshot = standing();
  snapshot.withdrawn = "digits 1.1 was withdrawn by user:ada: it overheats";
  EXPECT_EQ(summary(snapshot), "stand down: withdrawn");
  snapshot.stands = false;
  snapshot.has_untold_newcomers = true;
  EXPECT_EQ(summary(snapshot), "dismiss");
  snapshot.has_untold_newcomers = false;
  EXPECT_EQ(summary(snapshot), "hold");
  snapshot = standing();
  snapshot.fault = "its policy cannot be read";
  EXPECT_EQ(summary(snapshot), "stand down: fault");
}

TEST(RolloutEngine, NewcomersTryAgainByThemselvesWhileItStands) {
  auto snapshot = standing();
  snapshot.policy.retry.causes = {"download"};
  snapshot.tries_due = 1;
  EXPECT_EQ(summary(snapshot), "try again");
  snapshot.stands = false;
  EXPECT_EQ(summary(snapshot), "notify 2");
}

// Maintenance windows
// ---------------------------------------------------------------------------------------------------------

WallTime wall_at(Instant at, std::chrono::hours ahead = std::chrono::hours(0)) {
  return WallTime{at.time_since_epoch() + ahead};
}

// t0 is 08:00 in UTC; the window is from 9 to 12.
Snapshot with_window() {
  auto snapshot = running();
  snapshot.policy.maintenance = Maintenance{.from = std::chrono::hours(9), .length = std::chrono::hours(3)};
  snapshot.zones = {{.zone = "UTC", .wall = wall_at(t0), .queued = 2},
                    {.zone = "Africa/Cairo", .wall = wall_at(t0, std::chrono::hours(2)), .queued = 1}};
  snapshot.waves[0].queued_reachable = 1;
  return snapshot;
}

TEST(RolloutEngine, TellsDevicesInsideTheirWindowAlone) {
  const auto actions = next_actions(with_window(), t0);
  ASSERT_NE(find<Notify>(actions), nullptr);
  EXPECT_EQ(find<Notify>(actions)->devices, 1);
  EXPECT_EQ(find<Notify>(actions)->zones, std::vector<std::string>{"Africa/Cairo"});
  EXPECT_NE(gate_status(with_window(), t0).find("2 wait for their maintenance window"), std::string::npos);
}

TEST(RolloutEngine, DevicesOutsideTheirWindowBlockNothing) {
  auto snapshot = with_window();
  snapshot.waves[0].counts = {{"succeeded", 1}, {"queued", 2}};
  snapshot.waves[0].queued_reachable = 0;
  snapshot.waves[0].bake_started_at = t0 - seconds(61);
  EXPECT_EQ(summary(snapshot), "open 1");
}

TEST(RolloutEngine, ATimeZoneThatIsNoneIsSaid) {
  auto snapshot = with_window();
  snapshot.zones[0] = {.zone = "Mars/Base", .queued = 2};
  EXPECT_EQ(find<Notify>(next_actions(snapshot, t0))->zones, std::vector<std::string>{"Africa/Cairo"});
  EXPECT_NE(gate_status(snapshot, t0).find("label time_zone is no time zone: 'Mars/Base'"), std::string::npos);
}

// Told at 11:40 of the day before, with half an hour's time-out: twenty minutes counted, and ten are left.
TEST(RolloutEngine, TimeOutsideTheWindowDoesNotCount) {
  auto snapshot = with_window();
  snapshot.policy.in_progress_timeout_s = 1800;
  snapshot.zones[0].oldest_clock = t0 - std::chrono::hours(20) - std::chrono::minutes(20);
  EXPECT_EQ(summary(snapshot), "notify 1") << "twenty hours later, and out of the window since";
  const auto later = t0 + std::chrono::minutes(70);
  snapshot.zones[0].wall = wall_at(later);
  const auto actions = next_actions(snapshot, later);
  ASSERT_NE(find<TimeOut>(actions), nullptr);
  EXPECT_EQ(find<TimeOut>(actions)->zone, "UTC");
  EXPECT_EQ(find<TimeOut>(actions)->started_by, *snapshot.zones[0].oldest_clock);
}

TEST(RolloutEngine, ADeviceInNoTimeZoneTimesOutByTheClockAlone) {
  auto snapshot = with_window();
  snapshot.zones[0] = {.zone = "Mars/Base", .oldest_clock = t0 - seconds(3600)};
  EXPECT_EQ(summary(snapshot), "time out");
}

TEST(RolloutEngine, ADraftDoesNothing) {
  auto snapshot = running();
  snapshot.state = RolloutState::draft;
  snapshot.waves[0].queued_reachable = 3;
  EXPECT_EQ(summary(snapshot), "hold");
}

}  // namespace
}  // namespace argosy::server
