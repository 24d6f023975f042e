// What one device may bring up: outboxes (epochs) and pairs of model and version. Whoever invents them fills an
// allowance of its own and nothing else. Pure: `now` is given; PairAllowance lives on the I/O thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/wire/telemetry.hpp"

namespace argosy::server {

struct KnownEpoch {
  std::string epoch;
  Instant used_at{};  // when its last batch came
};

struct EpochAllowance {
  std::size_t epochs = 32;
  // An outbox that said nothing for so long is gone: nothing of it can come again, and its cursor may be forgotten.
  Duration unused{14 * 24 * 3'600'000LL};
};

// A device begins an epoch beside those that are known. Answers the one that has to make room, if any; an error when
// all are in use. Source of the numbers: an agent begins one when its disk is made anew or restored, which nobody does
// daily.
Result<std::optional<std::string>> make_room_for_epoch(const std::vector<KnownEpoch>& known, Instant now,
                                                       const EpochAllowance& allowance = {});

class PairAllowance {
 public:
  struct Limits {
    std::size_t pairs = 64;           // of one device
    Duration unused{24 * 3'600'000};  // one that was not seen for so long makes room
    std::size_t devices = 200'000;    // over it the device that was silent longest is forgotten
  };
  PairAllowance() : PairAllowance(Limits()) {}
  explicit PairAllowance(Limits limits) : limits_(limits) {}

  // Errc::unprocessable when the batch has windows of more pairs than its device may have; it changes nothing then.
  Result<void> check(const wire::TelemetryBatch& batch, Instant now);
  std::size_t devices() const { return by_device_.size(); }

 private:
  struct Spoken {
    std::uint64_t pair = 0;  // a hash of the model and the version: two that share it cost their device one of them
    Instant at{};            // when it spoke of it last
  };
  struct Known {
    std::string device;
    std::vector<Spoken> pairs;
  };
  using Order = std::list<Known>;  // the one that sent last in front
  Known& known_of(const std::string& device);

  Limits limits_;
  Order order_;
  std::unordered_map<std::string_view, Order::iterator> by_device_;  // views of the names in `order_`
};

}  // namespace argosy::server
