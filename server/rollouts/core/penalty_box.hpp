// A device that fails with a model again and again rests before it is told of that model once more: what is wrong lies
// with the device, and each try costs its owner. Also when a failed device tries again by itself. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "common/base/instant.hpp"
#include "common/base/random.hpp"
#include "server/rollouts/core/policy.hpp"
#include "server/rollouts/core/rollout_effects.hpp"

namespace argosy::server {

inline constexpr int failures_before_rest = 3;  // in a row, of one model, in whichever rollouts
inline constexpr Duration first_rest = std::chrono::hours{1};
inline constexpr Duration longest_rest = std::chrono::hours{24};
inline constexpr Duration longest_back_off = std::chrono::hours{24};

// What a move says of the device's luck with the model.
enum class Luck : std::uint8_t { none, failed, succeeded };
// A failure is counted once, whatever its cause becomes later. One that says nothing about the release does not count,
// nor does that no variant suits the device, nor one on its way back.
Luck luck_of(const DeviceMove& move);

// The same for the same device and number, whoever asks and how often.
Rng jitter_for(std::string_view device, std::int64_t rollout, int number);

// How long it rests after so many failures in a row, with full jitter: up to 1 h after the third, twice as long after
// each further one, up to 24 h. Nothing before the third.
std::optional<Duration> rest_after(int failures, Rng& jitter);

// When a device that failed in this attempt tries again by itself, with full jitter: within back-off after the first
// attempt, twice as long after each further one, up to 24 h. Nothing when the policy leaves that to operators.
std::optional<Instant> next_try(const RetryPolicy& policy, std::string_view cause, int attempt, Instant failed_at,
                                Rng& jitter);

}  // namespace argosy::server
