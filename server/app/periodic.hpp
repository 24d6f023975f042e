// Work that comes round: a coroutine that calls a tick, waits, and calls it again, until it is told to stop. On the I/O
// thread. An error is logged when it is new, not each time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/http/router.hpp"

namespace argosy::server {

class Periodic {
 public:
  using Tick = std::function<Task<Result<void>>(Instant now)>;
  explicit Periodic(boost::asio::any_io_executor io) : io_(std::move(io)) {}
  ~Periodic() { stop(); }
  // Starts at once; `name` is for the log.
  void every(std::string name, Duration interval, Tick tick);
  // No tick begins after this; one that is under way ends by itself.
  void stop();

 private:
  struct Loop;
  static Task<void> run(std::shared_ptr<Loop> loop);
  boost::asio::any_io_executor io_;
  std::vector<std::shared_ptr<Loop>> loops_;
};

// Logs an error of something that is tried again and again: when it is another one than before, and once a minute.
class RepeatedError {
 public:
  explicit RepeatedError(std::string name) : name_(std::move(name)) {}
  void report(const Error& error);
  void clear();

 private:
  std::string name_;
  std::string last_;
  std::chrono::steady_clock::time_point at_;
};

}  // namespace argosy::server
