// Work that comes round: a coroutine that runs a round, waits for its time or a wake-up, and runs it again, until it is
// stopped. Knows no domain word. On the executor's thread, one round at a time; an error or an exception of a round is
// logged (RepeatedError) and the next round comes all the same.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/base/task.hpp"

namespace argosy::server {

class Metrics;

struct LoopFigures {
  std::uint64_t rounds = 0;
  std::uint64_t failed = 0;                        // of them
  bool last_failed = false;                        // the last one
  std::chrono::steady_clock::duration last{};      // how long the last round took
  std::chrono::steady_clock::duration last_lag{};  // how long after its time it began
};
// Told after each round; for metrics.
using LoopObserver = std::function<void(const std::string& name, const LoopFigures& figures)>;
// One that puts them among the metrics under the loop's name; the metrics outlive the loops.
LoopObserver loop_observer(Metrics& metrics);

struct LoopOptions {
  std::string name;                  // for the log and the metrics
  std::optional<Duration> interval;  // from the end of a round to the next; none: only when woken
  double jitter = 0;                 // the interval is up to this share shorter, at random
  bool starts_at_once = true;        // else with the first wake-up, or after the first interval
  LoopObserver observe{};
};

class Loop {
 public:
  using Round = std::function<Task<Result<void>>(Instant now)>;

  Loop(boost::asio::any_io_executor executor, LoopOptions options, Round round);
  ~Loop();  // as request_stop(); a round that is under way ends by itself, so what it uses must live that long
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // A round begins within `delay`. Never lost: a wake-up before the first round or during one counts for the next.
  void wake(Duration delay = Duration{0});
  // No round begins after this, not even the first.
  void request_stop();
  bool stop_requested() const;
  // The same, and resumes when the round that was under way has ended.
  Task<void> stop();
  const LoopFigures& figures() const;

 private:
  struct State;
  static Task<void> run(std::shared_ptr<State> state);
  static Task<void> run_round(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

// Several loops that end together.
class Loops {
 public:
  explicit Loops(boost::asio::any_io_executor executor, LoopObserver observe = {})
      : executor_(std::move(executor)), observe_(std::move(observe)) {}
  // The loop lives as long as this.
  Loop& add(LoopOptions options, Loop::Round round);
  void request_stop();
  Task<void> stop();  // resumes when no round is under way any more

 private:
  boost::asio::any_io_executor executor_;
  LoopObserver observe_;
  std::vector<std::unique_ptr<Loop>> loops_;
};

}  // namespace argosy::server
