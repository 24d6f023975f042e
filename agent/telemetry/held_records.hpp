// Telemetry that waits in memory while the disk takes none: encoded, oldest first, bounded in bytes. What is too much
// pushes out the oldest, and is counted. Pure; one owner.
#pragma once

#include <cstdint>
#include <deque>

#include "common/wire/telemetry.hpp"

namespace argosy::agent {

class HeldRecords {
 public:
  static constexpr std::size_t most_bytes = 1 << 20;

  using Content = decltype(wire::TelemetryRecord::content);
  struct Held {
    Content content;
    Instant at{};
  };

  void add(Content content, Instant at);
  bool empty() const { return waiting_.empty(); }
  std::size_t records() const { return waiting_.size(); }
  std::size_t bytes() const { return bytes_; }
  std::uint64_t dropped() const { return dropped_; }
  Held oldest() const;  // of what is not empty
  void remove_oldest();
  // The clock was set by so much.
  void shift(Duration by);

 private:
  struct Encoded {
    Bytes record;
    Instant at{};
  };

  std::deque<Encoded> waiting_;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace argosy::agent
