// The leader's loop: ticks rollouts and publishes what became due, on an interval and at once when woken. Lives on the
// I/O thread; run() must have ended before the driver goes.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include <boost/asio/any_io_executor.hpp>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/rollouts/desired_service.hpp"
#include "server/rollouts/rollout_service.hpp"

namespace argosy::server {

class RolloutDriver {
 public:
  struct Options {
    Duration interval{1000};
    std::size_t publish_batch = 500;
  };
  using OnError = std::function<void(const Error& error)>;

  RolloutDriver(boost::asio::any_io_executor io, RolloutService& rollouts, DesiredService& desired,
                DesiredService::Publish publish, OnError on_error);
  RolloutDriver(boost::asio::any_io_executor io, RolloutService& rollouts, DesiredService& desired,
                DesiredService::Publish publish, OnError on_error, Options options);
  ~RolloutDriver();
  RolloutDriver(const RolloutDriver&) = delete;
  RolloutDriver& operator=(const RolloutDriver&) = delete;

  Task<void> run();  // until stop()
  void wake();
  void stop();

 private:
  Task<void> publish_all();

  struct Timer;
  std::unique_ptr<Timer> timer_;
  RolloutService& rollouts_;
  DesiredService& desired_;
  DesiredService::Publish publish_;
  OnError on_error_;
  Options options_;
  bool woken_ = false;
  bool stopped_ = false;
};

}  // namespace argosy::server
