#include "server/base/loop.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/random.hpp"
#include "server/base/metrics.hpp"
#include "server/base/repeated_error.hpp"

namespace argosy::server {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

namespace {

double seconds(Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

LoopObserver loop_observer(Metrics& metrics) {
  return [&metrics](const std::string& name, const LoopFigures& figures) {
    const MetricLabels labels{{"loop", name}};
    metrics.counter("argosy_loop_rounds_total", "Rounds of a loop", labels).add();
    metrics.counter("argosy_loop_failed_rounds_total", "Rounds of a loop that failed", labels)
        .add(figures.last_failed ? 1 : 0);
    metrics.gauge("argosy_loop_last_round_seconds", "How long the last round of a loop took", labels)
        .set(seconds(figures.last));
    metrics.gauge("argosy_loop_lag_seconds", "How long after its time the last round of a loop began", labels)
        .set(seconds(figures.last_lag));
  };
}

struct Loop::State {
  State(const asio::any_io_executor& executor, LoopOptions given, Round round_given)
      : options(std::move(given)),
        round(std::move(round_given)),
        errors(options.name),
        timer(executor),
        ended(executor, Clock::time_point::max()),
        rng(stable_hash(0, as_text(secure_random(8)))) {}

  LoopOptions options;
  Round round;
  RepeatedError errors;
  asio::steady_timer timer;  // until the next round
  asio::steady_timer ended;  // cancelled when the loop has ended
  Rng rng;
  LoopFigures figures;
  Clock::time_point due = Clock::time_point::max();  // of the next round; max: nobody wants one
  bool stopped = false;
  bool running = true;  // until the coroutine is through

  void want_by(Clock::time_point at) {
    due = std::min(due, at);
    timer.cancel();
  }

  Clock::duration pause() {
    const double part = 1 - options.jitter * rng.uniform();
    return std::chrono::duration_cast<Clock::duration>(*options.interval * part);
  }
};

Loop::Loop(asio::any_io_executor executor, LoopOptions options, Round round)
    : state_(std::make_shared<State>(executor, std::move(options), std::move(round))) {
  if (state_->options.starts_at_once) {
    state_->due = Clock::now();
  } else if (state_->options.interval) {
    state_->due = Clock::now() + state_->pause();
  }
  asio::co_spawn(executor, run(state_), asio::detached);
}

Loop::~Loop() {
  request_stop();
}

void Loop::wake(Duration delay) {
  state_->want_by(Clock::now() + delay);
}

void Loop::request_stop() {
  state_->stopped = true;
  state_->timer.cancel();
}

bool Loop::stop_requested() const {
  return state_->stopped;
}

Task<void> Loop::stop() {
  const auto state = state_;
  request_stop();
  if (!state->running) co_return;
  co_await state->ended.async_wait(asio::as_tuple(asio::use_awaitable));
}

const LoopFigures& Loop::figures() const {
  return state_->figures;
}

Task<void> Loop::run(std::shared_ptr<State> state) {
  while (!state->stopped) {
    if (Clock::now() >= state->due) {
      co_await run_round(state);
      if (state->options.interval) state->due = std::min(state->due, Clock::now() + state->pause());
      continue;
    }
    state->timer.expires_at(state->due);
    co_await state->timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  state->running = false;
  state->round = nullptr;  // what it holds goes with the loop, not with the last who asks for figures
  state->ended.cancel();
}

Task<void> Loop::run_round(std::shared_ptr<State> state) {
  const auto began = Clock::now();
  state->figures.last_lag = began - state->due;
  state->due = Clock::time_point::max();  // whoever wakes the loop from here on wants another round
  Result<void> outcome;
  try {
    outcome = co_await state->round(wall_clock_now());
  } catch (const std::exception& exception) {
    outcome = make_error(Errc::internal, exception.what());
  }
  state->figures.last = Clock::now() - began;
  ++state->figures.rounds;
  state->figures.last_failed = !outcome;
  if (outcome) {
    state->errors.clear();
  } else {
    ++state->figures.failed;
    state->errors.report(outcome.error());
  }
  if (state->options.observe) state->options.observe(state->options.name, state->figures);
}

Loop& Loops::add(LoopOptions options, Loop::Round round) {
  if (!options.observe) options.observe = observe_;
  return *loops_.emplace_back(std::make_unique<Loop>(executor_, std::move(options), std::move(round)));
}

void Loops::request_stop() {
  for (const auto& loop : loops_) loop->request_stop();
}

Task<void> Loops::stop() {
  request_stop();
  for (const auto& loop : loops_) {
    co_await loop->stop();
  }
}

}  // namespace argosy::server
