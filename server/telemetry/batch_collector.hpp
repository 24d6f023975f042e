// The one way in for telemetry, whether it comes from the broker or over HTTPS: gathered until there are enough bytes
// or the oldest waited long enough, read on a worker, and stored in one transaction; the acks follow the commit.
// Devices are dealt out to lanes by their names, so that several transactions are under way without meeting on a
// device. On the I/O thread. Bounded in bytes, with a share for each device: over it a batch is dropped and counted,
// for devices send again what was not acknowledged.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>

#include "server/base/task.hpp"
#include "server/telemetry/telemetry_intake.hpp"

namespace argosy::server {

class Metrics;
class TelemetryService;
class WorkerPool;

struct CollectorOptions {
  std::size_t lanes = 2;
  std::size_t bytes = std::size_t{1} << 20;       // enough to store at once
  std::size_t most_bytes = std::size_t{2} << 20;  // that are stored together
  Duration delay{100};                            // a batch waits no longer than this, unless the database is busy
  std::size_t waiting_bytes_limit = std::size_t{64} << 20;
  std::size_t device_bytes_limit = std::size_t{4} << 20;  // of those, for one device
};

class BatchCollector {
 public:
  struct Parts {
    TelemetryService& telemetry;
    TelemetryIntake& intake;
    WorkerPool& readers;
  };
  struct Counters {
    std::uint64_t batches = 0;
    std::uint64_t malformed = 0;
    std::uint64_t dropped = 0;  // too many were waiting
    std::uint64_t refused = 0;  // by the service
    std::uint64_t failed = 0;   // by the database, for all of them
    std::size_t waiting_bytes = 0;
  };
  // Called with the device's name after the commit; publishes `down/ack`.
  using OnAck = std::function<void(const std::string& device, const wire::TelemetryAck& ack)>;
  // Called for each batch that will never be taken, whenever it comes, with the reason.
  using OnRefusal = std::function<void(const MessageId& message, const Error& error)>;

  BatchCollector(boost::asio::any_io_executor io, Parts parts, OnAck on_ack, OnRefusal on_refusal,
                 CollectorOptions options = {});
  ~BatchCollector();  // what waits is forgotten, not acknowledged
  // What waits is forgotten; resumes when what is being stored has been.
  Task<void> stop();

  // A payload that came on the topic of `device`: Errc::unavailable when there is no room for it. What the database
  // failed to store is counted and forgotten: its device sends it again.
  Result<void> take(std::string_view device, std::string payload);
  // A payload that `device` posted, which waits for the answer: the ack, or why it is not stored (now, or ever).
  Task<Result<wire::TelemetryAck>> store(std::string device, std::string payload);
  Counters counters() const;
  bool idle() const;  // nothing waits and nothing is under way

 private:
  struct State;
  std::shared_ptr<State> state_;
};

void add_metrics(Metrics& metrics, const BatchCollector& collector);

}  // namespace argosy::server
