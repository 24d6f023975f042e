// The outbox of a simulated device: what agent/telemetry/outbox.hpp keeps in SQLite, in memory and without the bytes,
// for a record follows from its entry. One message is under way at a time. Pure; one owner. At most `limit` records:
// beyond that the oldest is dropped, and counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/wire/telemetry.hpp"

namespace argosy::fleet_load {

// All that a record is made of beside its number: the same entry under the same number gives the same bytes.
struct Entry {
  std::int64_t start_ms = 0;  // by the device's clock
  std::uint32_t length_ms = 0;
  std::uint32_t content : 31 = 0;  // which of the prepared contents
  std::uint32_t is_health : 1 = 0;
};

class DeviceOutbox {
 public:
  struct Range {
    std::uint64_t first = 0;
    std::size_t count = 0;
    std::size_t new_windows = 0, repeated_windows = 0, new_health = 0;  // what it consists of, beside repeated health
  };
  struct Acknowledged {
    std::size_t windows = 0;
    std::size_t health = 0;
    bool answers = false;  // what is under way
    bool renewed = false;  // the rest belongs to a new epoch
  };

  DeviceOutbox(std::uint64_t seed, std::size_t limit);

  void append(Entry entry);
  // At most so many of the oldest records, now under way; none when there are none, or some are under way.
  Range take(std::size_t most);
  void forget_under_way();  // no answer, or no connection
  // An ack of another epoch, or whose link is not ours, changes nothing.
  Acknowledged acknowledge(const wire::TelemetryAck& ack);
  void set_aside_oldest();  // the server will never take it

  std::size_t records() const { return slots_.size() - head_; }
  std::size_t under_way() const { return under_way_; }
  std::uint64_t before() const { return before_; }  // the oldest record is the next number
  std::uint64_t since() const { return since_; }
  std::uint64_t refused() const { return refused_; }
  const std::string& epoch() const { return epoch_; }
  std::uint64_t dropped() const { return dropped_; }
  const Entry& entry(std::uint64_t seq) const;    // from before() + 1
  wire::ChainLink link(std::uint64_t seq) const;  // from before()

  // The newest record that is known to be stored, to be sent once more; none yet, in this epoch: nullptr.
  struct Stored {
    Entry entry;
    std::uint64_t seq = 0;
    wire::ChainLink before = 0;
    wire::ChainLink link = 0;
  };
  const Stored* newest_stored() const { return stored_.seq > 0 ? &stored_ : nullptr; }

 private:
  struct Slot {
    Entry entry;
    wire::ChainLink link = 0;
    bool was_sent = false;
  };
  void drop_oldest();
  void forget(std::size_t count);
  void renew();
  bool is_ours(const wire::ChainPoint& point) const;

  std::string epoch_;
  std::vector<Slot> slots_;  // from head_
  std::size_t head_ = 0;
  std::size_t limit_;
  std::size_t under_way_ = 0;
  std::uint64_t before_ = 0;
  std::uint64_t since_ = 0;
  std::uint64_t refused_ = 0;  // of those from since_ to before_
  std::uint64_t dropped_ = 0;
  wire::ChainLink link_ = 0;  // of the record before_
  Stored stored_{};
};

}  // namespace argosy::fleet_load
