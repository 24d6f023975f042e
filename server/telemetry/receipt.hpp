// When a record happened, told from what the device says, how wrong its clock is, and when we got it. Pure.
#pragma once

#include <optional>

#include "common/base/instant.hpp"
#include "common/wire/telemetry.hpp"

namespace argosy::server {

// Clocks that differ by less are left as they are: a batch may be under way so long.
inline constexpr Duration clock_tolerance{30'000};
// No agent wrote anything before the year 2020: such a time is of a board whose clock was not set yet.
inline constexpr Instant earliest_honest_time{Duration{1'577'836'800'000}};

struct Receipt {
  Instant received_at{};
  Duration clock_ahead{0};  // the device's clock less ours; within the tolerance it is nought
};
// Of what a device sent when its clock showed `sent_at`.
Receipt receipt_of(Instant sent_at, Instant received_at);

// By when the device says that it sent the batch. That takes a slow way for a clock that is behind, so what the device
// knows of its clock is better while the two agree. Agents that say neither may tell it in a health sample.
Receipt receipt_of(const wire::TelemetryBatch& batch, Instant received_at);

// The device's time by our clock. One before the earliest honest time, or in our future even so, says nothing: then it
// is the time of receipt.
Instant place_in_time(Instant by_the_device, const Receipt& receipt);

}  // namespace argosy::server
