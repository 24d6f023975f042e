// What only one instance does at a time: the broker, rollouts, and every loop that the parts have added. Starts when
// this instance takes the lead and stops when it loses it. On the I/O thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "server/base/loop.hpp"
#include "server/base/task.hpp"
#include "server/db/fence.hpp"
#include "server/devices/presence_service.hpp"
#include "server/mqtt/mqtt_client.hpp"
#include "server/rollouts/desired/desired_service.hpp"
#include "server/rollouts/rollout_driver.hpp"
#include "server/rollouts/rollout_service.hpp"

namespace argosy::server {

class Metrics;

class LeaderWork {
 public:
  struct Parts {
    DesiredService& desired;
    PresenceService& presence;
    RolloutService& rollouts;
    MqttClient* mqtt;  // null when it is switched off
  };
  LeaderWork(boost::asio::any_io_executor io, Parts parts, Duration rollout_interval, LoopObserver observe)
      : io_(std::move(io)), parts_(parts), rollout_interval_(rollout_interval), observe_(std::move(observe)) {}

  // A loop of each term that begins from now on. Its figures are in the metrics under its name.
  void every(std::string name, Duration interval, Loop::Round round);

  // What is done once the rounds of a term have ended: within its fence, so nothing is written when another leads.
  void add_last(Loop::Round last) { last_.push_back(std::move(last)); }
  // Called with each term that begins, and with none when it ends.
  void on_term(std::function<void(std::optional<Fence>)> listener) { on_term_ = std::move(listener); }

  // Its loops, and all they do, are within the fence: they write nothing when another leads.
  void start(Fence fence);
  void stop();
  Task<void> ended();  // after stop(): resumes when no round is under way any more
  bool leading() const { return term_ != nullptr; }
  // The broker is there (again): it may have forgotten what it kept, and silence before now means nothing.
  void broker_is_back();

 private:
  struct Term;  // of leading: from start() to stop()
  struct Job {
    LoopOptions options;
    Loop::Round round;
  };
  Task<void> end(std::shared_ptr<Term> term);
  Task<void> do_last(std::shared_ptr<Term> term);
  Task<Result<void>> publish(std::string topic, std::string payload);

  boost::asio::any_io_executor io_;
  Parts parts_;
  Duration rollout_interval_;
  LoopObserver observe_;
  std::vector<Job> jobs_;
  std::vector<Loop::Round> last_;
  std::function<void(std::optional<Fence>)> on_term_;
  std::shared_ptr<Term> term_;
  std::weak_ptr<Term> ending_;  // the last term, while a round of it is under way
};

void add_metrics(Metrics& metrics, const LeaderWork& leader);

}  // namespace argosy::server
