// The leader's loops of rollouts, from its making to stop(): one decides (ticks rollouts), one makes the plans of large
// ones, one measures guards, one publishes what became due, one offers new patches. Apart, so that a rollout is stopped
// in time however much waits to be planned, published or measured. Each goes round on the interval and when woken. On
// the executor's thread; the services must outlive the loops' rounds.
#pragma once

#include <cstddef>
#include <memory>

#include <boost/asio/any_io_executor.hpp>

#include "common/base/instant.hpp"
#include "server/base/loop.hpp"
#include "server/base/task.hpp"
#include "server/rollouts/desired/desired_service.hpp"
#include "server/rollouts/rollout_service.hpp"

namespace argosy::server {

class RolloutDriver {
 public:
  struct Options {
    Duration interval{1000};
    std::size_t publish_batch = 1000;
    LoopObserver observe{};
  };

  RolloutDriver(boost::asio::any_io_executor executor, RolloutService& rollouts, DesiredService& desired,
                DesiredService::Publish publish, Options options);
  ~RolloutDriver();
  RolloutDriver(const RolloutDriver&) = delete;
  RolloutDriver& operator=(const RolloutDriver&) = delete;

  void wake();
  void wake_publishing();
  void request_stop();
  Task<void> stop();  // resumes when no round is under way

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace argosy::server
