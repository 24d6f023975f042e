#include "server/app/state_intake.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/random.hpp"
#include "common/wire/state.hpp"
#include "server/base/metrics.hpp"
#include "server/base/repeated_error.hpp"
#include "server/work/by_halves.hpp"

namespace argosy::server {

namespace asio = boost::asio;

namespace {

// One document on its way: each part of it has an outcome of its own.
struct Passing {
  WaitingState waiting;
  wire::DeviceState state;
  Result<StateOutcome> stored = StateOutcome::unknown;
  Result<void> reported{};
};

struct TakeStates {
  DeviceService& devices;
  Instant now;
  Task<Result<std::vector<Result<StateOutcome>>>> operator()(std::vector<ReceivedState> states) const {
    return take(devices, std::move(states), now);
  }
  static Task<Result<std::vector<Result<StateOutcome>>>> take(DeviceService& devices, std::vector<ReceivedState> states,
                                                              Instant now) {
    ARGOSY_CO_TRY(const auto outcomes, co_await devices.take_states(std::move(states), now));
    co_return std::vector<Result<StateOutcome>>(outcomes.begin(), outcomes.end());
  }
};

struct TakeReports {
  RolloutService& rollouts;
  Instant now;
  Task<Result<std::vector<Result<void>>>> operator()(std::vector<wire::DeviceState> states) const {
    return take(rollouts, std::move(states), now);
  }
  static Task<Result<std::vector<Result<void>>>> take(RolloutService& rollouts, std::vector<wire::DeviceState> states,
                                                      Instant now) {
    const std::size_t count = states.size();
    ARGOSY_CO_CHECK(co_await rollouts.take_reports(std::move(states), now));
    co_return std::vector<Result<void>>(count);
  }
};

Result<wire::DeviceState> decode_own_state(const WaitingState& waiting) {
  try {
    ARGOSY_TRY(wire::DeviceState state, wire::decode_device_state(waiting.document));
    if (state.device != waiting.device)
      return make_error(Errc::forbidden, "'" + waiting.device + "' sent a state in the name of another device");
    return state;
  } catch (const std::exception& unforeseen) {
    return make_error(Errc::unprocessable, unforeseen.what());
  }
}

MessageId id_of(const WaitingState& waiting, MessageKind kind = MessageKind::state) {
  return {waiting.device, kind, waiting.digest};
}

bool is_refused(const Result<StateOutcome>& stored) {
  if (!stored) return !is_for_all(stored.error().code);
  return *stored == StateOutcome::refused;
}

Error why_refused(const Result<StateOutcome>& stored) {
  if (!stored) return stored.error();
  return make_error(Errc::unprocessable, "it holds what cannot be stored: a zero byte, or a malformed version");
}

// The error of the database that kept a part of it from being taken.
std::optional<Error> to_try_again(const Passing& one) {
  if (!one.stored && is_for_all(one.stored.error().code)) return one.stored.error();
  if (!one.reported && is_for_all(one.reported.error().code)) return one.reported.error();
  return std::nullopt;
}

}  // namespace

struct StateIntake::Impl : std::enable_shared_from_this<StateIntake::Impl> {
  Impl(asio::any_io_executor executor, Parts given, Options chosen)
      : io(executor), parts(given), options(chosen), queue(chosen.limits), timer(io) {}

  asio::any_io_executor io;
  Parts parts;
  Options options;
  StateQueue queue;
  asio::steady_timer timer;
  Rng rng{stable_hash(0, as_text(secure_random(8)))};
  RepeatedError errors{"device states"};
  RepeatedError refusals{"states that are not taken"};
  Counters counters;
  int failures = 0;  // one after the other, of the database
  bool working = false;
  bool pausing = false;
  bool stopped = false;

  void put(WaitingState waiting, Instant now);
  void wake();
  std::vector<Passing> read(std::vector<WaitingState> batch, Instant now);
  std::optional<Error> settle(std::vector<Passing> passing, Instant now);
  void settle_one(const Passing& one, Instant now);
  void note_those_over_allowance(Instant now);
  void refuse(const MessageId& message, const Error& error, Instant now);
  Result<void> answer(const Passing& one) const;
};

namespace {

// From here on the coroutines: named functions that own what they use.

template <class Impl>
Task<void> judge_standing(std::shared_ptr<Impl> impl, std::vector<Passing>& passing, std::vector<std::size_t>& who) {
  for (std::size_t i = 0; i < passing.size(); ++i) {
    Passing& one = passing[i];
    if (one.stored && *one.stored == StateOutcome::taken) who.push_back(i);
    if (!is_refused(one.stored)) continue;
    // It cannot be stored, but what it says of a rollout may count all the same: if it is no older session's.
    const auto standing = co_await impl->parts.devices.standing(DeviceId(one.waiting.device), one.state.nonce);
    if (!standing) one.reported = standing.error();
    if (standing && *standing == StateOutcome::taken) who.push_back(i);
  }
}

template <class Impl>
Task<void> store(std::shared_ptr<Impl> impl, std::vector<Passing>& passing, Instant now) {
  std::vector<MessageId> messages;
  std::vector<ReceivedState> states;
  for (const Passing& one : passing) {
    messages.push_back(id_of(one.waiting));
    states.push_back({one.state, one.waiting.retained});
  }
  const auto in_hand = impl->parts.quarantine.hold(messages);
  auto storing = take_by_halves<StateOutcome>(std::move(states), TakeStates{impl->parts.devices, now});
  auto stored = co_await std::move(storing);
  for (std::size_t i = 0; i < passing.size(); ++i) passing[i].stored = std::move(stored[i]);
  std::vector<std::size_t> who;
  co_await judge_standing(impl, passing, who);
  std::vector<wire::DeviceState> reports;
  for (const std::size_t i : who) reports.push_back(passing[i].state);
  auto reporting = take_by_halves<void>(std::move(reports), TakeReports{impl->parts.rollouts, now});
  auto reported = co_await std::move(reporting);
  for (std::size_t k = 0; k < who.size(); ++k) passing[who[k]].reported = std::move(reported[k]);
}

template <class Impl>
Task<void> wait_for(std::shared_ptr<Impl> impl, Duration duration) {
  impl->timer.expires_after(duration);
  co_await impl->timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

template <class Impl>
Task<void> work_off(std::shared_ptr<Impl> impl) {
  while (!impl->stopped && !impl->queue.empty()) {
    const Instant now = wall_clock_now();
    auto batch = impl->queue.take(now);
    if (batch.empty()) {
      co_await wait_for(impl, std::max(Duration(1), impl->queue.next_due().value_or(now) - now));
      continue;
    }
    auto passing = impl->read(std::move(batch), now);
    if (passing.empty()) continue;
    co_await store(impl, passing, now);
    if (impl->stopped) break;
    const auto failed = impl->settle(std::move(passing), now);
    if (!failed) {
      impl->failures = 0;
      impl->errors.clear();
      continue;
    }
    impl->errors.report(*failed);
    impl->pausing = true;  // nothing that comes shortens it
    co_await wait_for(impl,
                      full_jitter(impl->options.retry_base, impl->options.retry_cap, impl->failures++, impl->rng));
    impl->pausing = false;
  }
  impl->working = false;
}

template <class Impl>
Task<Result<void>> take_one_now(std::shared_ptr<Impl> impl, WaitingState waiting, Instant now) {
  ARGOSY_CO_CHECK(impl->parts.quarantine.check(id_of(waiting), now));
  ARGOSY_CO_CHECK(impl->parts.quarantine.check(id_of(waiting, MessageKind::report), now));
  Passing one{std::move(waiting), {}, StateOutcome::unknown, {}};
  ++impl->counters.states;
  {
    const auto in_hand = impl->parts.quarantine.hold({id_of(one.waiting)});
    auto state = decode_own_state(one.waiting);
    if (!state) {
      impl->refuse(id_of(one.waiting), state.error(), now);
      co_return state.error();
    }
    one.state = std::move(*state);
  }
  std::vector<Passing> passing;
  passing.push_back(std::move(one));
  co_await store(impl, passing, now);
  auto told = impl->answer(passing.front());
  impl->settle_one(passing.front(), now);
  impl->note_those_over_allowance(now);
  co_return told;
}

}  // namespace

void StateIntake::Impl::put(WaitingState waiting, Instant now) {
  for (const MessageKind kind : {MessageKind::state, MessageKind::report}) {
    const Ruling ruling = parts.quarantine.admit(id_of(waiting, kind), now);
    if (ruling.admission == Admittance::refuse) return;  // what could be taken of it was taken then
    if (ruling.admission != Admittance::take) waiting.alone = true;
    if (ruling.admission == Admittance::wait) waiting.due = std::max(waiting.due, ruling.until);
  }
  if (!queue.put(std::move(waiting))) {
    ++counters.dropped;
    return;
  }
  wake();
}

void StateIntake::Impl::wake() {
  if (!pausing) timer.cancel();
  if (std::exchange(working, true)) return;
  asio::co_spawn(io, work_off(shared_from_this()), asio::detached);
}

std::vector<Passing> StateIntake::Impl::read(std::vector<WaitingState> batch, Instant now) {
  std::vector<Passing> passing;
  for (WaitingState& waiting : batch) {
    ++counters.states;
    const auto in_hand = parts.quarantine.hold({id_of(waiting)});
    auto state = decode_own_state(waiting);
    if (state) {
      passing.push_back({std::move(waiting), std::move(*state), StateOutcome::unknown, {}});
    } else {
      refuse(id_of(waiting), state.error(), now);
    }
  }
  return passing;
}

// Answers the database's error when some must be tried again.
std::optional<Error> StateIntake::Impl::settle(std::vector<Passing> passing, Instant now) {
  std::optional<Error> failed;
  for (Passing& one : passing) {
    settle_one(one, now);
    const auto error = to_try_again(one);
    if (!error) continue;
    if (error->code == Errc::timeout && one.waiting.alone) {
      one.waiting.due = wall_clock_now() + options.retry_cap;  // it takes too long by itself: the others need not wait
      errors.report(*error);
    } else if (!failed) {
      failed = error;
    }
    // One of them may be why there was not time enough for all: next time each is alone.
    if (error->code == Errc::timeout) one.waiting.alone = true;
    ++counters.put_back;
    if (!queue.put_back(std::move(one.waiting))) ++counters.dropped;
  }
  note_those_over_allowance(now);
  return failed;
}

void StateIntake::Impl::note_those_over_allowance(Instant now) {
  for (std::string& device : parts.devices.take_those_over_allowance())
    parts.quarantine.refuse({std::move(device), MessageKind::allowance, {}},
                            "its updates change more often than a device may tell; some of that is not in the timeline",
                            now, 1);
}

void StateIntake::Impl::settle_one(const Passing& one, Instant now) {
  if (is_refused(one.stored)) refuse(id_of(one.waiting), why_refused(one.stored), now);
  if (one.stored && *one.stored == StateOutcome::taken) parts.quarantine.accept(id_of(one.waiting), now);
  if (!one.reported && !is_for_all(one.reported.error().code))
    refuse(id_of(one.waiting, MessageKind::report), one.reported.error(), now);
  if (one.reported && one.stored) parts.quarantine.accept(id_of(one.waiting, MessageKind::report), now);
}

void StateIntake::Impl::refuse(const MessageId& message, const Error& error, Instant now) {
  ++counters.refused;
  refusals.report(Error(error).within(message.device));
  parts.quarantine.refuse(message, error, now);
}

Result<void> StateIntake::Impl::answer(const Passing& one) const {
  if (const auto error = to_try_again(one)) return *error;
  if (is_refused(one.stored)) return refusal(why_refused(one.stored));
  if (*one.stored == StateOutcome::unknown)
    return make_error(Errc::forbidden, "the device is unknown or revoked; enrol it");
  if (*one.stored == StateOutcome::stale)
    return make_error(Errc::conflict, "the state is of an older session than one that was taken; start a new session");
  if (!one.reported) return refusal(one.reported.error()).within("the state was stored, its report was not taken");
  return {};
}

StateIntake::StateIntake(asio::any_io_executor io, Parts parts, Options options)
    : impl_(std::make_shared<Impl>(std::move(io), parts, options)) {}

StateIntake::~StateIntake() {
  stop();
}

void StateIntake::stop() {
  impl_->stopped = true;
  impl_->timer.cancel();
}

void StateIntake::take(std::string device, std::string document, bool retained, Instant now) {
  const Digest digest = sha256(as_bytes(document));
  impl_->put({std::move(device), std::move(document), digest, retained, false, {}}, now);
}

Task<Result<void>> StateIntake::take_now(std::string device, std::string document, Instant now) {
  const Digest digest = sha256(as_bytes(document));
  return take_one_now(impl_, WaitingState{std::move(device), std::move(document), digest, false, true, {}}, now);
}

StateIntake::Counters StateIntake::counters() const {
  Counters counters = impl_->counters;
  counters.waiting_bytes = impl_->queue.bytes();
  return counters;
}

void add_metrics(Metrics& metrics, const StateIntake& states) {
  metrics.sampled_counter("argosy_states_total", "State documents read",
                          [&states] { return states.counters().states; });
  metrics.sampled_counter("argosy_states_put_back_total",
                          "State documents tried again because the database was not there",
                          [&states] { return states.counters().put_back; });
  metrics.sampled_counter("argosy_states_dropped_total", "State documents for which there was no room",
                          [&states] { return states.counters().dropped; });
  metrics.sampled_gauge("argosy_states_waiting_bytes", "State documents that wait to be stored",
                        [&states] { return states.counters().waiting_bytes; });
}

}  // namespace argosy::server
