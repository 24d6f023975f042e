#include "server/app/periodic.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

namespace argosy::server {
namespace {

constexpr std::chrono::minutes repeat_after{1};

}  // namespace

struct Periodic::Loop {
  Loop(boost::asio::any_io_executor io, const std::string& name, Duration interval_given, Tick tick_given)
      : timer(std::move(io)), interval(interval_given), tick(std::move(tick_given)), errors(name) {}
  boost::asio::steady_timer timer;
  Duration interval;
  Tick tick;
  RepeatedError errors;
  bool stopped = false;
};

void Periodic::every(std::string name, Duration interval, Tick tick) {
  auto loop = std::make_shared<Loop>(io_, name, interval, std::move(tick));
  loops_.push_back(loop);
  boost::asio::co_spawn(io_, run(loop), boost::asio::detached);
}

void Periodic::stop() {
  for (const auto& loop : loops_) {
    loop->stopped = true;
    loop->timer.cancel();
  }
  loops_.clear();
}

Task<void> Periodic::run(std::shared_ptr<Loop> loop) {
  while (!loop->stopped) {
    auto ticking = loop->tick(wall_clock_now());
    const auto outcome = co_await std::move(ticking);
    if (outcome) loop->errors.clear();
    if (!outcome) loop->errors.report(outcome.error());
    if (loop->stopped) co_return;
    loop->timer.expires_after(loop->interval);
    auto waiting = loop->timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    co_await std::move(waiting);
  }
}

void RepeatedError::report(const Error& error) {
  const auto now = std::chrono::steady_clock::now();
  if (error.message == last_ && now - at_ < repeat_after) return;
  last_ = error.message;
  at_ = now;
  spdlog::warn("{}: {}: {}", name_, slug(error.code), error.message);
}

void RepeatedError::clear() {
  if (!last_.empty()) spdlog::info("{}: works again", name_);
  last_.clear();
}

}  // namespace argosy::server
