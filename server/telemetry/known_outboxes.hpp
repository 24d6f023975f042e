// What is remembered of outboxes between their batches, so that the usual batch is stored without asking first: how far
// each device's newest outbox was stored, as of the last commit. It is a guess, which the database confirms by moving
// the cursor only from there. Pure. On the I/O thread. Bounded: of more devices than `limit` those heard of longest ago
// are forgotten.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "common/base/instant.hpp"
#include "server/telemetry/telemetry.hpp"

namespace argosy::server {

using OutboxKey = std::pair<std::string, std::string>;  // device, epoch

struct KnownOutbox {
  std::string epoch;
  Cursor cursor;
};

class KnownOutboxes {
 public:
  explicit KnownOutboxes(std::size_t limit = 200'000) : generation_limit_(limit / 2) {}

  const KnownOutbox* find(const std::string& device);  // valid until the next call of anything
  void learn(const std::string& device, KnownOutbox outbox);
  std::size_t size() const { return young_.size() + old_.size(); }

 private:
  using Generation = std::unordered_map<std::string, KnownOutbox>;
  // Whoever is heard of is in `young_`; when that is full it becomes `old_`, whose devices are forgotten.
  std::size_t generation_limit_;
  Generation young_;
  Generation old_;
};

}  // namespace argosy::server
