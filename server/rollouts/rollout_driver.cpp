#include "server/rollouts/rollout_driver.hpp"

#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace argosy::server {

struct RolloutDriver::Timer {
  boost::asio::steady_timer timer;
};

RolloutDriver::RolloutDriver(boost::asio::any_io_executor io, RolloutService& rollouts, DesiredService& desired,
                             DesiredService::Publish publish, OnError on_error)
    : RolloutDriver(std::move(io), rollouts, desired, std::move(publish), std::move(on_error), Options{}) {}

RolloutDriver::RolloutDriver(boost::asio::any_io_executor io, RolloutService& rollouts, DesiredService& desired,
                             DesiredService::Publish publish, OnError on_error, Options options)
    : timer_(std::make_unique<Timer>(Timer{boost::asio::steady_timer(std::move(io))})),
      rollouts_(rollouts),
      desired_(desired),
      publish_(std::move(publish)),
      on_error_(std::move(on_error)),
      options_(options) {
  rollouts_.on_due([this] { wake(); });
}

RolloutDriver::~RolloutDriver() {
  rollouts_.on_due({});
}

Task<void> RolloutDriver::run() {
  stopped_ = false;
  while (!stopped_) {
    woken_ = false;
    auto ticking = rollouts_.tick(wall_clock_now());
    auto ticked = co_await std::move(ticking);
    if (!ticked) on_error_(std::move(ticked).error().within("rollouts"));
    auto offering = desired_.offer_new_patches(options_.publish_batch);
    auto offered = co_await std::move(offering);
    if (!offered) on_error_(std::move(offered).error().within("offering new patches"));
    auto publishing = publish_all();
    co_await std::move(publishing);
    if (woken_ || stopped_) continue;
    timer_->timer.expires_after(options_.interval);
    auto waiting = timer_->timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    co_await std::move(waiting);
  }
}

Task<void> RolloutDriver::publish_all() {
  while (!stopped_) {
    auto publishing = desired_.publish_due(publish_, options_.publish_batch);
    auto published = co_await std::move(publishing);
    if (!published) {
      on_error_(std::move(published).error().within("desired documents"));
      co_return;
    }
    if (*published < options_.publish_batch) co_return;
  }
}

void RolloutDriver::wake() {
  woken_ = true;
  timer_->timer.cancel();
}

void RolloutDriver::stop() {
  stopped_ = true;
  timer_->timer.cancel();
}

}  // namespace argosy::server
