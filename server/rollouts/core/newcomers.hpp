// Newcomers: devices that come when the rollouts of a model have completed, of which those that stand go on giving
// their release. Which of these a newcomer joins, what becomes of its row there, and when newcomers fail so often that
// it ceases to stand. Pure; no clock, no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/instant.hpp"
#include "server/rollouts/core/policy.hpp"
#include "server/rollouts/core/rollout.hpp"
#include "server/rollouts/core/rollout_engine.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

// How one rollout of a model stands to one device. Of two, the one that started later is the newer.
struct RolloutClaim {
  std::int64_t rollout = 0;
  Instant started_at{};
  bool stands = false;    // and its filter matches the device
  bool has_told = false;  // what the device is to run now is its wish
  bool is_next = false;   // it tells the device as soon as it can, or waits until it is back
};
// Whether what a rollout of this state has told a device last is its wish, which older ones respect; `is_its_release`,
// or what the device had before. Neither is when it was rolled back: it has nothing for the device; nor is the way back
// from what was halted.
bool is_wish(RolloutState state, bool is_its_release);

// The newest of those that stand, whatever older ones say; none while a newer one has told the device something or is
// about to. One that lets the device wait for a later wave keeps it from nothing: until then it runs what its peers do.
std::optional<std::int64_t> standing_for(const std::vector<RolloutClaim>& claims);

// The row of a device in the rollout that it would join.
struct Seat {
  DeviceStep step = DeviceStep::queued;
  std::string cause{};
  std::optional<Instant> finished_at{};
};
// What the device came to with the same release in another rollout.
struct EarlierFailure {
  std::int64_t rollout = 0;
  std::string cause{};
};
enum class Entry : std::uint8_t {
  stays,     // its row says all that there is to say
  joins,     // queued from now on
  returns,   // its row's outcome is another board's, or says nothing about the release: a new attempt
  left_out,  // it failed with this very release: only an operator's retry tells it again
};
// `enrolled_at`: of the board that has the name now; `failure`: of that board, the newest.
Entry entry_of(const std::optional<Seat>& seat, Instant enrolled_at, const std::optional<EarlierFailure>& failure);
// Failures that keep a device from joining by itself: whether it can run the release is looked at anew at its turn.
bool keeps_out(std::string_view cause);

inline constexpr std::int64_t newcomers_judged = 20;  // the latest with an outcome, since it stands
// Why newcomers fail too often, by their latest outcomes: the abort criteria of the policy, or half of them, in either
// case with three failures at least. Devices that cannot run the release say nothing about it.
std::optional<Decision> judge_newcomers(const Policy& policy, const Counts& latest);

// Sentences for decisions, events and operators.
std::string left_out_text(const std::string& model, const std::string& version, const EarlierFailure& failure);
std::string newcomers_text(std::size_t joined, std::size_t left_out, int wave);
std::string takes_over_text(const RolloutRecord& newer);      // of the older one that stands down
std::string stands_already_text(const RolloutRecord& newer);  // of the older one that would stand in vain
// What else stands for devices of the same model, for whoever plans or looks at this one; `others` stand.
std::vector<std::string> standing_notes(const RolloutRecord& record, const std::vector<RolloutRecord>& others);

}  // namespace argosy::server
