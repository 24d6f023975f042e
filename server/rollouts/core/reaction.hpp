// What a reaction of a rule makes of rollouts: why a device is not sent back after all. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/rollouts/core/rollout.hpp"
#include "server/rollouts/core/rollout_effects.hpp"

namespace argosy::server {

// What is known of the device and the model that an alert is about.
struct SendBackCase {
  struct Wish {  // whose wish the device follows
    std::int64_t rollout = 0;
    RolloutState state = RolloutState::completed;
    std::string version;                 // of its release
    bool is_its_release = true;          // and not what the device had before
    std::optional<RolloutDevice> row{};  // none: too old to be kept
  };
  std::optional<Wish> wish;
  std::string serving;                       // as the device says; empty: nothing
  std::string alerted;                       // the version that the alert names; empty: it names none
  std::optional<std::int64_t> next_rollout;  // another one that runs or is paused, and has the device still to tell
};

// Nothing: it goes back.
std::optional<std::string> why_not_sent_back(const SendBackCase& of);

}  // namespace argosy::server
