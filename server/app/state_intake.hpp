// State documents, from bytes to stored rows and counted reports, many devices in one transaction. One that cannot be
// read or stored goes to the quarantine and holds nobody up; what failed because of the database is tried again with
// jittered back-off, for a level must not be lost. On the I/O thread; bounded by StateQueue's limits.
#pragma once

#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "server/app/state_queue.hpp"
#include "server/base/task.hpp"
#include "server/devices/device_service.hpp"
#include "server/quarantine/quarantine_service.hpp"
#include "server/rollouts/rollout_service.hpp"

namespace argosy::server {

class Metrics;

class StateIntake {
 public:
  struct Parts {  // all outlive the intake
    DeviceService& devices;
    RolloutService& rollouts;
    QuarantineService& quarantine;
  };
  struct Options {
    StateQueue::Limits limits{};
    Duration retry_base{500};
    Duration retry_cap{15'000};
  };
  struct Counters {
    std::uint64_t states = 0;    // read
    std::uint64_t refused = 0;   // of those, for good; and those that cannot be read
    std::uint64_t put_back = 0;  // to be tried again: the database was not there
    std::uint64_t dropped = 0;   // no room: the device's next state says the same again
    std::size_t waiting_bytes = 0;
  };
  StateIntake(boost::asio::any_io_executor io, Parts parts) : StateIntake(std::move(io), parts, Options()) {}
  StateIntake(boost::asio::any_io_executor io, Parts parts, Options options);
  ~StateIntake();  // as stop()
  void stop();     // what waits is forgotten

  // A state from the broker.
  void take(std::string device, std::string document, bool retained, Instant now);
  // One that came by HTTPS: nothing when it was stored and its report taken. Errc::unavailable and the like when it may
  // be sent again; all else is for good: forbidden, conflict (of an older session), malformed_json, unprocessable, …
  Task<Result<void>> take_now(std::string device, std::string document, Instant now);
  Counters counters() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

void add_metrics(Metrics& metrics, const StateIntake& states);

}  // namespace argosy::server
