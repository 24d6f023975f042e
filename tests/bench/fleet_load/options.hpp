// What the load tool was asked for on its command line. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "tests/bench/fleet_load/telemetry_maker.hpp"

namespace argosy::fleet_load {

struct Options {
  // Where to
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string tls_folder;  // of the fleet's authority, ca.pem and ca.key; empty: plain TCP
  std::string shared_user = "fleet-load";
  std::string database;  // asked in the end what is stored; empty: it is not
  std::size_t shared_connections = 8;
  // Who
  std::string prefix = "cam-";
  std::size_t first = 1;  // the first device's number
  std::size_t digits = 7;
  std::size_t devices = 1000;
  std::size_t connections = 0;  // devices with one of their own, the first ones; by default all
  WindowShape shape;
  std::string digest;  // of the model file that they say they serve
  // How much
  double interval_s = 0;           // of each device, between windows; 0: the next one as soon as an ack came
  double seconds = 0;              // 0: until a signal
  std::uint64_t windows = 0;       // so many in all; 0: no bound
  std::size_t batch = 1;           // windows a message
  std::size_t most_records = 100;  // in a message that carries what waited
  std::size_t in_flight = 5000;    // records of all devices on their way
  std::size_t outbox = 10'000;     // records of one device that wait
  std::uint64_t health_every = 0;  // a health sample after so many windows
  double state_s = 0;              // between state documents
  double connects_per_s = 2000;    // at the beginning
  double answer_s = 15;            // until a message is sent again
  double retry_s = 1;              // base of the wait before, with full jitter
  double retry_cap_s = 300;
  double drain_s = 60;  // how long the end waits for what is under way
  double keep_alive_s = 30;
  std::uint64_t seed = 1;
  // Faults
  double storm_every_s = 0;
  double storm_share = 1;
  double duplicates = 0;
  double garbage = 0;
  double skewed = 0;
  double skew_s = 7200;

  bool shows_help = false;
  bool shows_reference = false;
};

// Errc::invalid_argument names the argument and what it may be.
Result<Options> parse_options(const std::vector<std::string>& arguments);
std::string usage();

}  // namespace argosy::fleet_load
