#include "server/rollouts/core/rollout_effects.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

const Instant now = instant_from_ms(1'790'000'000'000);

RolloutDevice device(DeviceStep step, std::string cause = "", std::optional<std::int64_t> previous = 7) {
  return {.device = "cam-1",
          .wave = 2,
          .attempt = 3,
          .previous_release = previous,
          .is = {.step = step, .cause = std::move(cause), .message = "before", .source = "patch", .bytes = 5}};
}

// "failed cancelled, told 7": what becomes of one device.
std::string summary(const Effects& effects) {
  std::string text = "nothing";
  if (!effects.moves.empty()) {
    const auto& to = effects.moves.front().to;
    text = std::string(to_string(to.step)) + (to.cause.empty() ? "" : " " + to.cause);
  }
  if (effects.targets.empty()) return text;
  const auto& told = effects.targets.front();
  return text + ", told " + (told.release ? std::to_string(*told.release) : "nothing");
}

std::string stopped(RolloutState to, const RolloutDevice& row) {
  return summary(effects_of_stop({row}, to, 11, now));
}

TEST(RolloutEffects, AHaltTakesBackWhatIsNotYetActivating) {
  constexpr auto halted = RolloutState::halted;
  for (const auto step : {DeviceStep::notified, DeviceStep::downloading, DeviceStep::patching, DeviceStep::verifying,
                          DeviceStep::validating})
    EXPECT_EQ(stopped(halted, device(step)), "failed cancelled, told 7") << to_string(step);
  EXPECT_EQ(stopped(halted, device(DeviceStep::downloading, "", std::nullopt)), "failed cancelled, told nothing");
  for (const auto step : {DeviceStep::activating, DeviceStep::probation, DeviceStep::succeeded, DeviceStep::failed,
                          DeviceStep::rolling_back, DeviceStep::rolled_back})
    EXPECT_EQ(stopped(halted, device(step)), "nothing") << to_string(step);
}

TEST(RolloutEffects, ARollBackSendsBackWhoMayRunIt) {
  constexpr auto back = RolloutState::rolling_back;
  for (const auto step : {DeviceStep::notified, DeviceStep::activating, DeviceStep::probation, DeviceStep::succeeded})
    EXPECT_EQ(stopped(back, device(step)), "rolling_back, told 7") << to_string(step);
  EXPECT_EQ(stopped(back, device(DeviceStep::failed, "timeout")), "rolling_back, told 7") << "a guess: it may run it";
  EXPECT_EQ(stopped(back, device(DeviceStep::failed, "activate")), "nothing, told 7");
  EXPECT_EQ(stopped(back, device(DeviceStep::succeeded, "already_installed")), "nothing") << "it had it before";
}

TEST(RolloutEffects, ARollBackLeavesAFirstInstallationAndCancelsOneUnderWay) {
  constexpr auto back = RolloutState::rolling_back;
  EXPECT_EQ(stopped(back, device(DeviceStep::succeeded, "", std::nullopt)), "nothing");
  EXPECT_EQ(stopped(back, device(DeviceStep::probation, "", std::nullopt)), "nothing");
  EXPECT_EQ(stopped(back, device(DeviceStep::downloading, "", std::nullopt)), "failed cancelled, told nothing");
}

TEST(RolloutEffects, WhoGoesBackHasNoOutcomeYetAndKeepsWhatIsKnownOfItsDownload) {
  const auto effects = effects_of_stop({device(DeviceStep::succeeded)}, RolloutState::rolling_back, 11, now);
  const auto& move = effects.moves.front();
  EXPECT_EQ(move.from_key, "succeeded");
  EXPECT_EQ(move.finished_at, std::nullopt);
  EXPECT_EQ(move.to.bytes, 5U);
  EXPECT_EQ(effects.targets.front().attempt, 3);
  EXPECT_EQ(effects.targets.front().rollout, 11);
}

TEST(RolloutEffects, TellingSetsATargetForThoseWhoAreTold) {
  const RolloutWish wish{11, 40, "1.1"};
  HeardOut heard{.row = device(DeviceStep::queued), .serving_release = 7, .full_bytes = 900};
  EXPECT_EQ(summary(effects_of_telling({heard}, wish, now)), "notified, told 40");
  EXPECT_EQ(effects_of_telling({heard}, wish, now).moves.front().previous_release, 7);
  EXPECT_EQ(effects_of_telling({heard}, wish, now).moves.front().finished_at, std::nullopt);
  heard.already_installed = true;
  EXPECT_EQ(summary(effects_of_telling({heard}, wish, now)), "succeeded already_installed, told 40");
  EXPECT_EQ(effects_of_telling({heard}, wish, now).moves.front().finished_at, now);
  heard.refusal = "it has no fp16";
  EXPECT_EQ(summary(effects_of_telling({heard}, wish, now)), "failed incompatible");
  heard.newer_wish = true;
  EXPECT_EQ(summary(effects_of_telling({heard}, wish, now)), "failed superseded");
}

TEST(RolloutEffects, FailuresNameTheirReasonAndEnd) {
  Policy policy;
  policy.in_progress_timeout_s = 900;
  const auto late = effects_of_time_out({device(DeviceStep::validating)}, policy, now).moves.front();
  EXPECT_EQ(late.to.message, "no outcome after 900 s; last seen validating");
  EXPECT_EQ(late.from_key, "validating");
  EXPECT_EQ(late.finished_at, now);
  EXPECT_EQ(summary(effects_of_revocation({device(DeviceStep::notified)}, now)), "failed decommissioned");
  const auto lost = effects_of_superseding({device(DeviceStep::notified)}, 12, now);
  EXPECT_EQ(summary(lost), "failed superseded");
  EXPECT_EQ(lost.moves.front().to.message, "rollout 12 took over");
}

TEST(RolloutEffects, ARetryQueuesTheFailedButForThoseOfOthers) {
  EXPECT_EQ(summary(effects_of_retry({device(DeviceStep::failed, "activate")})), "queued");
  EXPECT_EQ(effects_of_retry({device(DeviceStep::failed, "activate")}).moves.front().from_key, "activate");
  EXPECT_EQ(summary(effects_of_retry({device(DeviceStep::failed, "superseded")})), "nothing");
  EXPECT_EQ(summary(effects_of_retry({device(DeviceStep::failed, "decommissioned")})), "nothing");
}

TEST(RolloutEffects, NewcomersComeAndGo) {
  EXPECT_EQ(summary(effects_of_return({device(DeviceStep::failed, "superseded")})), "queued");
  EXPECT_EQ(summary(effects_of_return({device(DeviceStep::succeeded)})), "queued");
  const auto dismissed = effects_of_dismissal({device(DeviceStep::queued)}, now);
  EXPECT_EQ(summary(dismissed), "failed cancelled");
  EXPECT_EQ(dismissed.moves.front().to.message, "the rollout stands no longer");
  EXPECT_EQ(dismissed.moves.front().finished_at, now);
}

TEST(RolloutEffects, AReportBeginsAndEndsARow) {
  auto move = effect_of_report(device(DeviceStep::notified), {.step = DeviceStep::downloading}, now);
  EXPECT_EQ(move.started_at, now);
  EXPECT_EQ(move.finished_at, std::nullopt);
  move = effect_of_report(device(DeviceStep::probation), {.step = DeviceStep::succeeded}, now);
  EXPECT_EQ(move.finished_at, now);
}

// The hours that a device's owner keeps are not its fault.
TEST(RolloutEffects, TheClockStartsAnewWhenADeviceNeedNotWaitAnyMore) {
  RolloutDevice row{.device = "a"};
  row.is = {.step = DeviceStep::downloading, .held = true};
  EXPECT_FALSE(effect_of_report(row, {.step = DeviceStep::downloading, .held = true}, now).clock_from);
  EXPECT_EQ(effect_of_report(row, {.step = DeviceStep::downloading}, now).clock_from, now);
  row.is.held = false;
  EXPECT_FALSE(effect_of_report(row, {.step = DeviceStep::patching}, now).clock_from);
  EXPECT_EQ(effect_of_report(row, {.step = DeviceStep::downloading, .held = true}, now).clock_from, now);
}

}  // namespace
}  // namespace argosy::server
