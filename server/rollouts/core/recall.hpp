// Taking a release back: what is asked, and what came of it. A withdrawn release is told to no further device; a recall
// also brings back those that have it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "server/models/withdrawal.hpp"
#include "server/rollouts/core/rollout.hpp"

namespace argosy::server {

inline constexpr std::size_t max_withdrawal_reason_bytes = 500;
inline constexpr std::size_t most_helpless_named = 100;

struct RecallCall {
  std::string model;
  std::string version;
  std::string reason;
  std::string actor;
};

struct RecalledRollout {
  std::int64_t id = 0;
  std::string name;
  RolloutState state = RolloutState::draft;  // before
  std::string did;                           // a sentence
  std::int64_t going_back = 0;               // devices that have a release to go back to
};

struct Recalled {
  std::string model;
  std::string version;
  Withdrawal withdrawal;
  std::int64_t running = 0;  // devices that serve it now, revoked ones not counted
  std::vector<RecalledRollout> rollouts;
  // Of a recall: devices that serve it and that no rollout brings back, and the first of them.
  std::int64_t helpless = 0;
  std::vector<std::string> first_helpless{};
};

// "digits 1.1 was withdrawn by user:ada: it crashes on boards of 2023"
std::string withdrawn_sentence(const std::string& model, const std::string& version, const Withdrawal& withdrawal);
// What a withdrawal does to a rollout in this state.
std::string effect_of_withdrawal(RolloutState state);

}  // namespace argosy::server
