// One simulated device: what it is, what waits in it, and when it may send. Plain data, with the documents that it
// speaks beside telemetry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/fleet_load/device_outbox.hpp"
#include "tests/bench/fleet_load/options.hpp"

namespace argosy::fleet_load {

struct SimulatedDevice {
  SimulatedDevice(std::string called, std::uint64_t seed, std::size_t outbox_limit)
      : name(std::move(called)), outbox(seed, outbox_limit) {}

  std::string name;
  DeviceOutbox outbox;
  std::size_t connection = 0;
  std::size_t level = 0;                   // how slow its model answers
  std::int64_t skew_ms = 0;                // its clock less the true time
  std::int64_t window_end_ms = 0;          // of its newest window, by the true time
  std::uint64_t windows = 0;               // made so far
  std::uint64_t messages = 0;              // of telemetry, sent so far
  std::uint64_t sent = 0;                  // of these, at least once
  std::uint64_t acknowledged = 0;          // of these
  std::vector<std::string> epochs_before;  // of its outbox, which it has renewed since
  std::size_t most_records = 0;            // in a message: fewer while one at fault is looked for
  std::int64_t sent_at_us = 0;             // of the message under way
  std::int64_t sent_at_ms = 0;             // the same, as the message says it
  std::int64_t not_before_us = 0;          // of the next message
  std::int64_t timer_at_us = 0;            // of its timer; 0: none
  int failures = 0;                        // in a row
  bool is_queued = false;                  // to send
};

std::string up_topic(const std::string& device, const char* kind);
std::string down_topic(const std::string& device, const char* kind);

// Of the session with this number.
std::string state_document(const SimulatedDevice& device, const Options& options, std::int64_t nonce,
                           std::int64_t now_ms);
std::string will_document(const std::string& device, std::int64_t nonce);

}  // namespace argosy::fleet_load
