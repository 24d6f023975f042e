#include "server/rollouts/rollout_driver.hpp"

#include <utility>

namespace argosy::server {

namespace {

constexpr Duration gathering{100};  // what happens in this time is looked at in one tick

}  // namespace

struct RolloutDriver::Impl {
  Impl(boost::asio::any_io_executor executor, RolloutService& rollouts_given, DesiredService& desired_given,
       DesiredService::Publish publish_given, Options options_given)
      : rollouts(rollouts_given),
        desired(desired_given),
        publish(std::move(publish_given)),
        options(std::move(options_given)),
        loops(std::move(executor), options.observe) {}

  RolloutService& rollouts;
  DesiredService& desired;
  DesiredService::Publish publish;
  Options options;
  Loops loops;
  Loop* deciding = nullptr;
  Loop* planning = nullptr;
  Loop* publishing = nullptr;

  // Rounds own the driver's parts as long as they run.
  static Task<Result<void>> decide(std::shared_ptr<Impl> impl, Instant now) {
    const auto ticked = co_await impl->rollouts.tick(now);
    impl->publishing->wake();  // what acted before an error wants to go out, too
    if (!ticked) co_return ticked.error();
    if (*ticked > 0) impl->deciding->wake();  // there may be more to do: it ends when nothing acts any more
    co_return Result<void>{};
  }

  static Task<Result<void>> plan(std::shared_ptr<Impl> impl, Instant now) {
    ARGOSY_CO_TRY(const auto step, co_await impl->rollouts.plan_some(now));
    if (step != PlanningService::Step::idle) impl->planning->wake();
    if (step == PlanningService::Step::finished) impl->deciding->wake();
    co_return Result<void>{};
  }

  static Task<Result<void>> measure(std::shared_ptr<Impl> impl, Instant now) {
    ARGOSY_CO_CHECK(co_await impl->rollouts.measure(now));
    co_return Result<void>{};
  }

  // One batch a round, so that a stop need not wait for all that is due.
  static Task<Result<void>> publish_some(std::shared_ptr<Impl> impl) {
    ARGOSY_CO_TRY(const auto published, co_await impl->desired.publish_due(impl->publish, impl->options.publish_batch));
    if (published > 0) impl->publishing->wake();
    co_return Result<void>{};
  }

  static Task<Result<void>> offer_some(std::shared_ptr<Impl> impl) {
    ARGOSY_CO_TRY(const auto offered, co_await impl->desired.offer_new_patches(impl->options.publish_batch));
    if (offered > 0) impl->publishing->wake();
    co_return Result<void>{};
  }
};

RolloutDriver::RolloutDriver(boost::asio::any_io_executor executor, RolloutService& rollouts, DesiredService& desired,
                             DesiredService::Publish publish, Options options)
    : impl_(std::make_shared<Impl>(std::move(executor), rollouts, desired, std::move(publish), std::move(options))) {
  const std::weak_ptr<Impl> weak = impl_;
  const auto options_of = [this](const char* name) {
    return LoopOptions{.name = name, .interval = impl_->options.interval};
  };
  Loops& loops = impl_->loops;
  impl_->deciding = &loops.add(options_of("rollouts"), [weak](Instant now) { return Impl::decide(weak.lock(), now); });
  impl_->planning = &loops.add(options_of("plans"), [weak](Instant now) { return Impl::plan(weak.lock(), now); });
  loops.add(options_of("guards"), [weak](Instant now) { return Impl::measure(weak.lock(), now); });
  impl_->publishing =
      &loops.add(options_of("desired documents"), [weak](Instant) { return Impl::publish_some(weak.lock()); });
  loops.add(options_of("offering patches"), [weak](Instant) { return Impl::offer_some(weak.lock()); });
  // A driver that has gone is woken in vain; its successor has put its own in this one's place.
  rollouts.on_due([weak] {
    if (const auto alive = weak.lock()) alive->deciding->wake(gathering);
  });
  rollouts.on_plan_due([weak] {
    if (const auto alive = weak.lock()) alive->planning->wake();
  });
}

RolloutDriver::~RolloutDriver() {
  request_stop();
}

void RolloutDriver::wake() {
  impl_->deciding->wake();
}

void RolloutDriver::wake_publishing() {
  impl_->publishing->wake();
}

void RolloutDriver::request_stop() {
  impl_->loops.request_stop();
}

Task<void> RolloutDriver::stop() {
  const auto impl = impl_;
  co_await impl->loops.stop();
}

}  // namespace argosy::server
