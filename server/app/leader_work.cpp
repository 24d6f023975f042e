#include "server/app/leader_work.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include "server/base/metrics.hpp"

namespace argosy::server {

struct LeaderWork::Term {
  Term(boost::asio::any_io_executor fenced, const LoopObserver& observe)
      : executor(std::move(fenced)),
        loops(executor, observe),
        over(executor, boost::asio::steady_timer::time_point::max()) {}
  boost::asio::any_io_executor executor;
  Loops loops;
  boost::asio::steady_timer over;  // cancelled when the last thing is done
  bool is_ending = false;
  bool is_over = false;
  std::unique_ptr<RolloutDriver> driver;

  void request_stop() {
    loops.request_stop();
    driver->request_stop();
  }
};

void LeaderWork::every(std::string name, Duration interval, Loop::Round round) {
  jobs_.push_back({LoopOptions{.name = std::move(name), .interval = interval}, std::move(round)});
}

void LeaderWork::start(Fence fence) {
  if (term_) return;
  spdlog::info("this instance leads");
  parts_.presence.watch_from(wall_clock_now());
  term_ = std::make_shared<Term>(FencedExecutor(io_, fence), observe_);
  if (on_term_) on_term_(fence);
  for (const Job& job : jobs_) term_->loops.add(job.options, job.round);
  term_->driver = std::make_unique<RolloutDriver>(
      term_->executor, parts_.rollouts, parts_.desired,
      [this](std::string topic, std::string payload) { return publish(std::move(topic), std::move(payload)); },
      RolloutDriver::Options{.interval = rollout_interval_, .observe = observe_});
  if (parts_.mqtt != nullptr) parts_.mqtt->start();
}

void LeaderWork::stop() {
  const auto term = std::exchange(term_, nullptr);
  if (!term) return;
  spdlog::info("this instance does not lead any more");
  if (on_term_) on_term_(std::nullopt);
  term->request_stop();
  ending_ = term;
  boost::asio::co_spawn(io_, end(term), boost::asio::detached);
  if (parts_.mqtt != nullptr) parts_.mqtt->stop();
}

Task<void> LeaderWork::end(std::shared_ptr<Term> term) {
  co_await term->driver->stop();
  co_await term->loops.stop();
  if (!std::exchange(term->is_ending, true)) {
    co_await boost::asio::co_spawn(term->executor, do_last(term), boost::asio::use_awaitable);
    term->is_over = true;
    term->over.cancel();
  }
  if (!term->is_over) co_await term->over.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
}

Task<void> LeaderWork::do_last(std::shared_ptr<Term>) {
  for (const auto& last : last_) {
    const auto done = co_await last(wall_clock_now());
    if (!done) spdlog::info("at the end of leading: {}", done.error().message);
  }
}

Task<void> LeaderWork::ended() {
  const auto term = ending_.lock();
  if (!term) co_return;
  co_await end(term);
}

void LeaderWork::broker_is_back() {
  parts_.presence.watch_from(wall_clock_now());
  parts_.desired.republish_all();
  if (term_) term_->driver->wake_publishing();
}

Task<Result<void>> LeaderWork::publish(std::string topic, std::string payload) {
  if (parts_.mqtt == nullptr) co_return Result<void>{};  // without a broker, devices ask
  co_return co_await parts_.mqtt->publish(std::move(topic), std::move(payload), true);
}

void add_metrics(Metrics& metrics, const LeaderWork& leader) {
  metrics.sampled_gauge("argosy_leading", "Whether this instance leads",
                        [&leader] { return leader.leading() ? 1 : 0; });
}

}  // namespace argosy::server
