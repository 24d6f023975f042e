// Gathers telemetry from the broker until there are enough records or the oldest waited long enough, and stores it in
// one transaction; the acks follow the commit. One thread, the I/O thread. Bounded: over the limit a batch is dropped
// and counted, for devices send again what was not acknowledged.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>

#include "server/telemetry/telemetry_service.hpp"

namespace argosy::server {

struct CollectorOptions {
  std::size_t rows = 2000;  // stored together at most about this many
  Duration delay{100};      // a record waits no longer than this, unless the database is busy
  std::size_t waiting_rows_limit = 50'000;
};

class BatchCollector {
 public:
  struct Counters {
    std::uint64_t batches = 0;
    std::uint64_t malformed = 0;
    std::uint64_t dropped = 0;  // too many were waiting
    std::uint64_t refused = 0;  // by the service
  };
  // Called with the device's name after the commit; publishes `down/ack`.
  using OnAck = std::function<void(const std::string& device, const wire::TelemetryAck& ack)>;
  // Called for a device whose batch cannot be stored, with the reason; for the log.
  using OnRefusal = std::function<void(const std::string& device, const Error& error)>;

  BatchCollector(boost::asio::any_io_executor io, TelemetryService& telemetry, OnAck on_ack, OnRefusal on_refusal,
                 CollectorOptions options = {});
  ~BatchCollector();  // what waits is forgotten, not acknowledged

  // A payload that came on the topic of `device`: Errc::malformed_cbor, or forbidden when it names another device.
  Result<void> take(std::string_view device, std::string_view payload);
  Counters counters() const;
  bool idle() const;  // nothing waits and nothing is under way

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace argosy::server
