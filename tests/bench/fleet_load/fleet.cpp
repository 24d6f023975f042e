#include "tests/bench/fleet_load/fleet.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <utility>

#include <boost/asio/ip/address.hpp>

#include "common/crypto/digest.hpp"
#include "tests/bench/fleet_load/answers.hpp"

namespace argosy::fleet_load {

namespace {

namespace asio = boost::asio;

constexpr std::size_t own_buffer = 2048;
constexpr std::size_t shared_buffer = 65'536;
constexpr std::int64_t connect_within_us = 15'000'000;
constexpr double progress_every_s = 5;
constexpr double all_connected_within_s = 180;
constexpr std::int64_t shortest_wait_us = 100'000;  // before a connection is tried again, as the agent has it
constexpr double pubacks_wait_s = 0.5;              // the next window is often there by then, and takes them along
constexpr std::int64_t timer_grain_us = 1000;
constexpr std::int64_t first_window_ms = 1000;
constexpr std::size_t garbage_bytes = 64;
constexpr std::uint64_t most_contents = std::uint64_t{1} << 31;

std::int64_t now_us() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
}

std::int64_t wall_ms() {
  return to_ms(wall_clock_now());
}

std::int64_t us_of(double seconds) {
  return static_cast<std::int64_t>(seconds * 1e6);
}

Duration ms_of(double seconds) {
  return Duration{static_cast<Duration::rep>(std::ceil(seconds * 1e3))};
}

double seconds_of(std::int64_t us) {
  return static_cast<double>(us) / 1e6;
}

}  // namespace

template <class F>
auto Fleet::with_outbox(SimulatedDevice& device, F change) {
  const DeviceOutbox& outbox = device.outbox;
  in_flight_ -= outbox.under_way();
  waiting_ -= outbox.records();
  struct Add {
    Fleet& fleet;
    const DeviceOutbox& changed;
    ~Add() {
      fleet.in_flight_ += changed.under_way();
      fleet.waiting_ += changed.records();
    }
  } add{*this, outbox};
  return change(device.outbox);
}

Fleet::Fleet(asio::io_context& io, Options options, std::optional<Identities> identities, std::function<void()> on_end)
    : io_(io),
      options_(std::move(options)),
      identities_(std::move(identities)),
      on_end_(std::move(on_end)),
      maker_(options_.seed, options_.shape),
      rng_(options_.seed + 1),
      broker_(asio::ip::make_address(options_.host), options_.port),
      timer_(io) {
  shared_ = std::min(options_.devices - options_.connections, options_.shared_connections);
  links_.resize(options_.connections + shared_);
  for (std::size_t i = 0; i < links_.size(); ++i)
    links_[i].link = std::make_unique<BrokerLink>(io_, static_cast<BrokerLink::Owner&>(*this), i);
  devices_.reserve(options_.devices);
  // Another epoch each time that the tool runs, as a new outbox has it; all else follows from the seed.
  Rng fresh(stable_hash(options_.seed, std::to_string(wall_ms())));
  for (std::size_t i = 0; i < options_.devices; ++i) {
    SimulatedDevice& device = devices_.emplace_back(device_name(options_, i), fresh(), options_.outbox);
    const bool has_own = i < options_.connections;
    device.link = has_own ? i : options_.connections + (i - options_.connections) % shared_;
    device.level = static_cast<std::size_t>(rng_.below(TelemetryMaker::latency_levels));
    device.most_records = options_.most_records;
    if (!rng_.chance(options_.skewed)) continue;
    device.skew_ms = static_cast<std::int64_t>((2 * rng_.uniform() - 1) * options_.skew_s * 1e3);
    ++tally_.skewed_devices;
  }
}

void Fleet::start() {
  for (std::size_t i = 0; i < links_.size(); ++i) {
    const double opened_s = static_cast<double>(i) / options_.connects_per_s;
    later(opened_s, Due::open_link, i);
    later(opened_s + options_.keep_alive_s / 2, Due::check_link, i);
  }
  later(all_connected_within_s + static_cast<double>(links_.size()) / options_.connects_per_s, Due::no_load);
}

// Connections ---------------------------------------------------------------------------------------------------------

std::string Fleet::user_of(std::size_t link) const {
  if (!is_shared(link)) return devices_[link].name;
  return options_.shared_user + "-" + std::to_string(link - options_.connections + 1);
}

std::vector<std::string> Fleet::topics_of(std::size_t link) const {
  if (!is_shared(link)) return {down_topic(devices_[link].name, "desired"), down_topic(devices_[link].name, "ack")};
  std::vector<std::string> topics;
  for (std::size_t i = link; i < devices_.size(); i += shared_) topics.push_back(down_topic(devices_[i].name, "ack"));
  return topics;
}

// A shared connection has the number of its first device.
template <class F>
void Fleet::for_devices_of(std::size_t link, F f) {
  if (!is_shared(link)) return f(link);
  for (std::size_t i = link; i < devices_.size(); i += shared_) f(i);
}

std::shared_ptr<ByteStream> Fleet::stream_for(std::size_t link) {
  const std::size_t buffer = is_shared(link) ? shared_buffer : own_buffer;
  if (!identities_) return make_tcp_stream(io_, buffer);
  const auto certificate = identities_->certificate_of(user_of(link));
  if (!certificate) tally_.last_error = certificate.error().message;
  return make_tls_stream(io_, buffer,
                         {identities_->context(), certificate ? *certificate : "", identities_->private_key()});
}

void Fleet::open_link(std::size_t number) {
  Link& link = links_[number];
  if (phase_ == Phase::ended || link.link->is_open()) return;
  link.opened_at_us = now_us();
  link.nonce = std::max(link.nonce + 1, wall_ms() / 1000);
  Connect connect;
  connect.user = identities_ ? "" : user_of(number);
  connect.client_id = user_of(number);
  connect.keep_alive_s = static_cast<std::uint16_t>(options_.keep_alive_s);
  if (!is_shared(number) && options_.state_s > 0) {
    connect.will_topic = up_topic(devices_[number].name, "event");
    connect.will = will_document(devices_[number].name, link.nonce);
  }
  link.link->open(stream_for(number), broker_, connect, topics_of(number));
}

void Fleet::check_link(std::size_t number) {
  Link& link = links_[number];
  later(options_.keep_alive_s / 2, Due::check_link, number);
  const bool is_late = link.link->is_open() && !link.link->is_up() && now_us() - link.opened_at_us > connect_within_us;
  if (is_late) return link.link->tear();
  link.link->keep_alive();
}

void Fleet::link_up(std::size_t number) {
  Link& link = links_[number];
  ++tally_.connects;
  link.is_up = true;
  if (std::exchange(link.was_up, true)) ++tally_.reconnects;
  link.failures = 0;
  ++links_up_;
  if (std::exchange(link.storm, 0) > 0) --storm_left_;
  if (options_.state_s > 0 && !is_shared(number)) send_state(devices_[number]);
  if (phase_ == Phase::connecting && links_up_ == links_.size()) return begin_load();
  if (phase_ == Phase::connecting) return;
  for_devices_of(number, [this](std::size_t device) { queue(device); });
  watch_storms();
  pump();
}

void Fleet::link_down(std::size_t number, const std::string& why) {
  if (phase_ == Phase::ended) return;
  Link& link = links_[number];
  if (std::exchange(link.is_up, false)) {
    --links_up_;
    ++tally_.disconnections;
  } else {
    ++tally_.failed_connects;
  }
  if (why != "torn") tally_.last_error = why;
  for_devices_of(number, [this](std::size_t device) {
    with_outbox(devices_[device], [](DeviceOutbox& outbox) { outbox.forget_under_way(); });
  });
  const Duration wait = full_jitter(ms_of(options_.retry_s), ms_of(options_.retry_cap_s), link.failures++, rng_);
  timers_.add(now_us() + shortest_wait_us + wait.count() * 1000, Due::open_link, static_cast<std::uint32_t>(number));
  wait_for_timers();
}

void Fleet::link_refused(std::size_t number, const std::string& why) {
  ++tally_.refused_connections;
  tally_.last_error = user_of(number) + ": " + why;
  give_up_at_the_beginning();
}

void Fleet::subscriptions_refused(std::size_t count) {
  tally_.refused_subscriptions += count;
  tally_.last_error = "the broker refuses subscriptions: whoever connects must be known to its ACL";
  give_up_at_the_beginning();
}

// Whom the broker does not want from the first, it will not want later.
void Fleet::give_up_at_the_beginning() {
  if (phase_ != Phase::connecting) return;
  std::fprintf(stderr, "argosy-fleet-load: %s\n", tally_.last_error.c_str());
  end();
}

// Load ----------------------------------------------------------------------------------------------------------------

void Fleet::begin_load() {
  phase_ = Phase::loading;
  load_begun_us_ = now_us();
  cpu_before_s_ = process_cpu_s();
  std::fprintf(stderr, "argosy-fleet-load: all %zu connections are up, sending\n", links_.size());
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    if (is_closed_loop()) queue(i);
    if (!is_closed_loop()) later(rng_.uniform() * options_.interval_s, Due::window, i);
    if (options_.state_s > 0) later(rng_.uniform() * options_.state_s, Due::state, i);
  }
  later(progress_every_s, Due::progress);
  if (options_.seconds > 0) later(options_.seconds, Due::end);
  if (options_.storm_every_s > 0) later(options_.storm_every_s, Due::storm);
  pump();
}

bool Fleet::may_make() const {
  return phase_ == Phase::loading && (options_.windows == 0 || tally_.made < options_.windows);
}

// As many as a message carries, one after the other since the newest before them.
void Fleet::make_windows(SimulatedDevice& device) {
  const std::int64_t now = wall_ms();
  std::int64_t start = device.window_end_ms > 0 ? device.window_end_ms : now - first_window_ms;
  const std::int64_t length = std::max<std::int64_t>(0, now - start) / static_cast<std::int64_t>(options_.batch);
  for (std::size_t i = 0; i < options_.batch && may_make(); ++i) {
    Entry entry;
    entry.start_ms = start + device.skew_ms;
    entry.length_ms = static_cast<std::uint32_t>(length);
    entry.content = static_cast<std::uint32_t>(rng_.below(most_contents)) & 0x7FFFFFFF;
    ++tally_.made;
    ++device.windows;
    start += length;
    device.window_end_ms = start;
    with_outbox(device, [&](DeviceOutbox& outbox) { outbox.append(entry); });
    if (options_.health_every == 0 || device.windows % options_.health_every != 0) continue;
    entry.is_health = 1;
    with_outbox(device, [&](DeviceOutbox& outbox) { outbox.append(entry); });
  }
}

void Fleet::window_due(std::size_t number) {
  if (!may_make()) return;
  make_windows(devices_[number]);
  later(options_.interval_s, Due::window, number);
  queue(number);
}

void Fleet::state_due(std::size_t number) {
  if (phase_ != Phase::loading) return;
  later(options_.state_s, Due::state, number);
  send_state(devices_[number]);
}

void Fleet::send_state(SimulatedDevice& device) {
  Link& link = links_[device.link];
  if (!link.link->is_up()) return;
  const std::string document = state_document(device, options_, link.nonce, wall_ms());
  link.link->publish(up_topic(device.name, "state"), as_bytes(document), true);
  ++tally_.states;
}

void Fleet::queue(std::size_t number) {
  if (std::exchange(devices_[number].is_queued, true)) return;
  ready_.push_back(static_cast<std::uint32_t>(number));
}

void Fleet::pump() {
  if (std::exchange(is_pumping_, true)) return;
  while (!ready_.empty() && in_flight_ < options_.in_flight) {
    const std::size_t number = ready_.front();
    ready_.pop_front();
    devices_[number].is_queued = false;
    send(number);
  }
  is_pumping_ = false;
  look_at_end();
}

// What waits in the device, if it may go now.
void Fleet::send(std::size_t number) {
  SimulatedDevice& device = devices_[number];
  BrokerLink& link = *links_[device.link].link;
  const std::int64_t now = now_us();
  if (!link.is_up() || device.outbox.under_way() > 0) return;
  if (device.not_before_us > now) return arm(number, device.not_before_us);
  if (device.outbox.records() == 0 && is_closed_loop()) make_windows(device);
  if (device.outbox.records() == 0) return;
  if (rng_.chance(options_.garbage)) send_garbage(device);
  const auto range = with_outbox(device, [&](DeviceOutbox& outbox) { return outbox.take(device.most_records); });
  device.sent_at_us = now;
  device.sent_at_ms = wall_ms() + device.skew_ms;
  link.publish(up_topic(device.name, "telemetry"),
               maker_.batch(device.name, device.outbox, range.first, range.count, device.level, device.sent_at_ms),
               false);
  ++tally_.messages;
  tally_.sent += range.new_windows;
  tally_.repeated += range.repeated_windows;
  tally_.health_sent += range.new_health;
  arm(number, now + us_of(options_.answer_s));
}

void Fleet::send_garbage(const SimulatedDevice& device) {
  BrokerLink& link = *links_[device.link].link;
  if (rng_.chance(0.5)) {
    Bytes noise(garbage_bytes, 0xFF);  // a break without a beginning, in CBOR
    for (std::size_t i = 1; i < noise.size(); ++i) noise[i] = static_cast<std::uint8_t>(rng_());
    link.publish(up_topic(device.name, "telemetry"), noise, false);
    ++tally_.garbage;
    return;
  }
  DeviceOutbox foreign(rng_(), 1);
  foreign.append({.start_ms = wall_ms(), .length_ms = 0});
  link.publish(up_topic(device.name, "telemetry"),
               maker_.batch("not-" + device.name, foreign, 1, 1, device.level, wall_ms()), false);
  ++tally_.foreign;
}

// Its timer was set for the earliest of what may be due, which may be over.
void Fleet::device_due(std::size_t number) {
  SimulatedDevice& device = devices_[number];
  device.timer_at_us = 0;
  const std::int64_t now = now_us();
  if (device.outbox.under_way() == 0) return queue(number);
  const std::int64_t answer_by_us = device.sent_at_us + us_of(options_.answer_s);
  if (answer_by_us > now) return arm(number, answer_by_us);
  ++tally_.timeouts;
  with_outbox(device, [](DeviceOutbox& outbox) { outbox.forget_under_way(); });
  const Duration wait = full_jitter(ms_of(options_.retry_s), ms_of(options_.retry_cap_s), device.failures++, rng_);
  device.not_before_us = now + wait.count() * 1000;
  arm(number, device.not_before_us);
}

// A timer that is set earlier than is wanted finds that out by itself.
void Fleet::arm(std::size_t number, std::int64_t at_us) {
  SimulatedDevice& device = devices_[number];
  if (device.timer_at_us != 0 && device.timer_at_us <= at_us) return;
  device.timer_at_us = at_us;
  timers_.add(at_us, Due::device, static_cast<std::uint32_t>(number));
  wait_for_timers();
}

// Answers -------------------------------------------------------------------------------------------------------------

void Fleet::message_came(std::size_t, std::string_view topic, std::string_view payload) {
  const auto to = parse_down_topic(topic, options_.prefix);
  if (!to || to->device >= devices_.size() || to->kind != DownKind::ack || phase_ == Phase::ended) return;
  if (const auto plain = read_plain_ack(payload)) return take_ack(to->device, *plain);
  const auto ack = wire::decode_telemetry_ack(payload);
  if (ack) return take_ack(to->device, *ack);
  take_refusal(to->device, payload);
}

// A shared connection's do not: the broker sends so many messages on it, and no more, before they are acknowledged.
void Fleet::puback_waits(std::size_t link) {
  if (is_shared(link)) return links_[link].link->flush_pubacks();
  if (pubacks_wait_.empty()) later(pubacks_wait_s, Due::pubacks);
  pubacks_wait_.push_back(static_cast<std::uint32_t>(link));
}

void Fleet::flush_pubacks() {
  for (const std::uint32_t link : std::exchange(pubacks_wait_, {})) links_[link].link->flush_pubacks();
}

void Fleet::take_ack(std::size_t number, const wire::TelemetryAck& ack) {
  SimulatedDevice& device = devices_[number];
  ++tally_.acks;
  const auto outcome = with_outbox(device, [&](DeviceOutbox& outbox) { return outbox.acknowledge(ack); });
  tally_.acknowledged += outcome.windows;
  tally_.health_acknowledged += outcome.health;
  tally_.renewed += outcome.renewed ? 1 : 0;
  if (outcome.answers) {
    tally_.ack_ms.add(static_cast<double>(now_us() - device.sent_at_us) / 1e3);
    device.failures = 0;
    device.not_before_us = 0;
    device.most_records = std::min(2 * device.most_records, options_.most_records);
  }
  const auto* stored = device.outbox.newest_stored();
  if (outcome.windows > 0 && stored != nullptr && rng_.chance(options_.duplicates)) {
    links_[device.link].link->publish(
        up_topic(device.name, "telemetry"),
        maker_.repeated_batch(device.name, device.outbox.epoch(), *stored, device.level, wall_ms() + device.skew_ms),
        false);
    ++tally_.duplicates;
  }
  if (device.outbox.records() > 0 || is_closed_loop()) queue(number);
  if (storm_left_ == 0) watch_storms();
  pump();
}

// Of garbage nearly always; else the record at fault is looked for, as the agent does.
void Fleet::take_refusal(std::size_t number, std::string_view payload) {
  const auto refusal = wire::decode_telemetry_refusal(payload);
  if (!refusal) {
    tally_.last_error = refusal.error().message;
    return;
  }
  ++tally_.refused_batches;
  SimulatedDevice& device = devices_[number];
  const std::size_t count = device.outbox.under_way();
  if (count == 0) return;
  const Bytes sent =
      maker_.batch(device.name, device.outbox, device.outbox.before() + 1, count, device.level, device.sent_at_ms);
  if (sha256(sent).to_hex().substr(0, refusal->batch.size()) != refusal->batch) return;
  tally_.last_error = "refused: " + refusal->message;
  device.most_records = std::max<std::size_t>(1, count / 2);
  const bool is_window = device.outbox.entry(device.outbox.before() + 1).is_health == 0;
  with_outbox(device, [&](DeviceOutbox& outbox) {
    outbox.forget_under_way();
    if (count == 1) outbox.set_aside_oldest();
  });
  if (count == 1 && is_window) ++tally_.set_aside;
  device.not_before_us = now_us() + us_of(rng_.uniform() * options_.retry_s);
  arm(number, device.not_before_us);
}

// Storms and the end --------------------------------------------------------------------------------------------------

void Fleet::begin_storm() {
  if (phase_ != Phase::loading) return;
  Storm storm;
  storm.at_s = seconds_of(now_us() - load_begun_us_);
  for (Link& link : links_) link.storm = 0;
  storm_left_ = 0;
  storm_level_ = waiting_ + options_.devices / 100;
  tally_.storms.push_back(storm);
  for (Link& link : links_) {
    if (!link.link->is_up() || !rng_.chance(options_.storm_share)) continue;
    link.storm = tally_.storms.size();
    ++storm_left_;
    ++tally_.torn;
    ++tally_.storms.back().connections;
    link.link->tear();
  }
}

void Fleet::watch_storms() {
  if (tally_.storms.empty() || storm_left_ > 0) return;
  Storm& storm = tally_.storms.back();
  const double since_s = seconds_of(now_us() - load_begun_us_) - storm.at_s;
  if (storm.back_s < 0) storm.back_s = since_s;
  if (storm.recovered_s < 0 && waiting_ <= storm_level_) storm.recovered_s = since_s;
}

void Fleet::finish() {
  if (phase_ != Phase::loading) return end();
  phase_ = Phase::draining;
  load_ended_us_ = now_us();
  cpu_after_s_ = process_cpu_s();
  later(options_.drain_s, Due::drained);
  look_at_end();
}

void Fleet::look_at_end() {
  if (phase_ == Phase::loading && options_.windows > 0 && tally_.made >= options_.windows) return finish();
  if (phase_ == Phase::draining && waiting_ == 0) end();
}

void Fleet::tell_progress() const {
  std::fprintf(stderr, "argosy-fleet-load: %zu connected, %llu sent, %llu acknowledged, %llu waiting\n", links_up_,
               static_cast<unsigned long long>(tally_.sent), static_cast<unsigned long long>(tally_.acknowledged),
               static_cast<unsigned long long>(waiting_));
}

void Fleet::end() {
  if (std::exchange(phase_, Phase::ended) == Phase::ended) return;
  timer_.cancel();
  for (Link& link : links_) link.link->leave();
  on_end_();
}

Ending Fleet::ending() const {
  Ending ending;
  if (load_begun_us_ > 0) {
    const bool is_over = load_ended_us_ > 0;
    ending.seconds = seconds_of((is_over ? load_ended_us_ : now_us()) - load_begun_us_);
    ending.cpu_s = (is_over ? cpu_after_s_ : process_cpu_s()) - cpu_before_s_;
  }
  for (const SimulatedDevice& device : devices_) ending.dropped += device.outbox.dropped();
  ending.waiting = waiting_;
  ending.seed = options_.seed;
  return ending;
}

// Timers --------------------------------------------------------------------------------------------------------------

void Fleet::later(double seconds, Due what, std::size_t index) {
  timers_.add(now_us() + us_of(seconds), what, static_cast<std::uint32_t>(index));
  wait_for_timers();
}

void Fleet::wait_for_timers() {
  const auto next = timers_.next_at();
  if (!next || phase_ == Phase::ended) return;
  const std::int64_t at = std::max(*next, now_us() + timer_grain_us);
  if (timer_set_to_us_ > 0 && timer_set_to_us_ <= at) return;
  timer_set_to_us_ = at;
  timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::microseconds(at)));
  timer_.async_wait([this](boost::system::error_code cancelled) {
    if (!cancelled) run_timers();
  });
}

void Fleet::run_timers() {
  timer_set_to_us_ = 0;
  const std::int64_t now = now_us();
  while (const auto timer = timers_.take_due(now)) {
    if (phase_ == Phase::ended) return;
    run(timer->kind, timer->index, timer->at_us);
  }
  pump();
  wait_for_timers();
}

void Fleet::run(Due what, std::size_t index, std::int64_t at_us) {
  switch (what) {
    case Due::window:
      return window_due(index);
    case Due::device:
      if (at_us == devices_[index].timer_at_us) device_due(index);
      return;
    case Due::state:
      return state_due(index);
    case Due::open_link:
      return open_link(index);
    case Due::check_link:
      return check_link(index);
    case Due::pubacks:
      return flush_pubacks();
    case Due::storm:
      later(options_.storm_every_s, Due::storm);
      return begin_storm();
    case Due::no_load:
      if (phase_ != Phase::connecting) return;
      std::fprintf(stderr, "argosy-fleet-load: only %zu of %zu connections came up: %s\n", links_up_, links_.size(),
                   tally_.last_error.c_str());
      return end();
    case Due::progress:
      later(progress_every_s, Due::progress);
      return tell_progress();
    case Due::end:
      return finish();
    case Due::drained:
      return end();
  }
}

}  // namespace argosy::fleet_load
