#include "tests/bench/fleet_load/fleet.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "common/crypto/digest.hpp"
#include "tests/bench/fleet_load/answers.hpp"

namespace argosy::fleet_load {

namespace {

constexpr double progress_every_s = 5;
constexpr std::int64_t first_window_ms = 1000;
constexpr std::size_t garbage_bytes = 64;
constexpr std::uint32_t content_mask = 0x7FFFFFFF;

std::int64_t wall_ms() {
  return to_ms(wall_clock_now());
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

Fleet::Fleet(boost::asio::io_context& io, Options options, std::optional<Identities> identities,
             std::function<void()> on_end)
    : options_(std::move(options)),
      layout_(options_),
      on_end_(std::move(on_end)),
      maker_(options_.seed, options_.shape),
      chance_(options_.seed),
      waits_(options_.seed + 1),
      connections_(io, options_, layout_, std::move(identities), *this, tally_),
      clock_(io, [this](const auto& timer) { run(timer); }) {
  make_devices();
}

// Another epoch each time that the tool runs, as a new outbox has it; all else follows from the seed.
void Fleet::make_devices() {
  Rng fresh(stable_hash(options_.seed, std::to_string(wall_ms())));
  devices_.reserve(layout_.devices());
  for (std::size_t i = 0; i < layout_.devices(); ++i) {
    SimulatedDevice& device = devices_.emplace_back(layout_.name_of(i), fresh(), options_.outbox);
    device.connection = layout_.connection_of(i);
    device.level = static_cast<std::size_t>(chance_.bits(Question::level, i) % TelemetryMaker::latency_levels);
    device.most_records = options_.most_records;
    if (!chance_.happens(options_.skewed, Question::has_skew, i)) continue;
    device.skew_ms = static_cast<std::int64_t>((2 * chance_.uniform(Question::skew, i) - 1) * options_.skew_s * 1e3);
    ++tally_.skewed_devices;
  }
}

void Fleet::start() {
  connections_.start();
}

void Fleet::run(const AlarmClock<Due>::Timer& timer) {
  switch (timer.kind) {
    case Due::window:
      window_due(timer.index);
      break;
    case Due::device:
      if (timer.at_us == devices_[timer.index].timer_at_us) device_due(timer.index);
      break;
    case Due::state:
      state_due(timer.index);
      break;
    case Due::storm:
      clock_.after(options_.storm_every_s, Due::storm);
      begin_storm();
      break;
    case Due::progress:
      clock_.after(progress_every_s, Due::progress);
      tell_progress();
      break;
    case Due::end:
      finish();
      break;
    case Due::drained:
      end();
      break;
  }
  pump();
}

// Connections ---------------------------------------------------------------------------------------------------------

void Fleet::connection_up(std::size_t connection) {
  if (options_.state_s > 0 && !layout_.is_shared(connection)) send_state(devices_[connection]);
  if (phase_ == Phase::connecting) return;
  layout_.for_devices_of(connection, [this](std::size_t device) { queue(device); });
  watch_storms();
  pump();
}

void Fleet::connection_down(std::size_t connection) {
  layout_.for_devices_of(connection, [this](std::size_t device) {
    with_outbox(devices_[device], [](DeviceOutbox& outbox) { outbox.forget_under_way(); });
  });
}

void Fleet::all_came_up() {
  phase_ = Phase::loading;
  load_begun_us_ = steady_us();
  cpu_before_s_ = process_cpu_s();
  std::fprintf(stderr, "argosy-fleet-load: all %zu connections are up, sending\n", layout_.connections());
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    if (is_closed_loop()) queue(i);
    if (!is_closed_loop())
      clock_.after(chance_.uniform(Question::first_window, i) * options_.interval_s, Due::window, i);
    if (options_.state_s > 0) clock_.after(chance_.uniform(Question::first_state, i) * options_.state_s, Due::state, i);
  }
  clock_.after(progress_every_s, Due::progress);
  if (options_.seconds > 0) clock_.after(options_.seconds, Due::end);
  if (options_.storm_every_s > 0) clock_.after(options_.storm_every_s, Due::storm);
  pump();
}

// Load ----------------------------------------------------------------------------------------------------------------

bool Fleet::may_make() const {
  return phase_ == Phase::loading && (options_.windows == 0 || tally_.made < options_.windows);
}

// As many as a message carries, one after the other since the newest before them.
void Fleet::make_windows(std::size_t number) {
  SimulatedDevice& device = devices_[number];
  const std::int64_t now = wall_ms();
  std::int64_t start = device.window_end_ms > 0 ? device.window_end_ms : now - first_window_ms;
  const std::int64_t length = std::max<std::int64_t>(0, now - start) / static_cast<std::int64_t>(options_.batch);
  for (std::size_t i = 0; i < options_.batch && may_make(); ++i) {
    Entry entry;
    entry.start_ms = start + device.skew_ms;
    entry.length_ms = static_cast<std::uint32_t>(length);
    entry.content = static_cast<std::uint32_t>(chance_.bits(Question::content, number, device.windows)) & content_mask;
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
  make_windows(number);
  clock_.after(options_.interval_s, Due::window, number);
  queue(number);
}

void Fleet::state_due(std::size_t number) {
  if (phase_ != Phase::loading) return;
  clock_.after(options_.state_s, Due::state, number);
  send_state(devices_[number]);
}

void Fleet::send_state(const SimulatedDevice& device) {
  if (!connections_.is_up(device.connection)) return;
  const std::string document = state_document(device, options_, connections_.session_of(device.connection), wall_ms());
  connections_.publish(device.connection, up_topic(device.name, "state"), as_bytes(document), true);
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
  const std::int64_t now = steady_us();
  if (!connections_.is_up(device.connection) || device.outbox.under_way() > 0) return;
  if (device.not_before_us > now) return arm(number, device.not_before_us);
  if (device.outbox.records() == 0 && is_closed_loop()) make_windows(number);
  if (device.outbox.records() == 0) return;
  if (chance_.happens(options_.garbage, Question::has_garbage, number, ++device.messages)) send_garbage(number);
  const auto range = with_outbox(device, [&](DeviceOutbox& outbox) { return outbox.take(device.most_records); });
  device.sent_at_us = now;
  device.sent_at_ms = wall_ms() + device.skew_ms;
  send_telemetry(device,
                 maker_.batch(device.name, device.outbox, range.first, range.count, device.level, device.sent_at_ms));
  ++tally_.messages;
  tally_.sent += range.new_windows;
  device.sent += range.new_windows;
  tally_.repeated += range.repeated_windows;
  tally_.health_sent += range.new_health;
  arm(number, now + us_of(options_.answer_s));
}

void Fleet::send_telemetry(const SimulatedDevice& device, ByteView batch) {
  connections_.send(device.connection, up_topic(device.name, "telemetry"), batch);
}

void Fleet::send_garbage(std::size_t number) {
  const SimulatedDevice& device = devices_[number];
  Rng rng(chance_.bits(Question::garbage_bytes, number, device.messages));
  if (chance_.happens(0.5, Question::garbage_kind, number, device.messages)) {
    Bytes noise(garbage_bytes, 0xFF);  // a break without a beginning, in CBOR
    for (std::size_t i = 1; i < noise.size(); ++i) noise[i] = static_cast<std::uint8_t>(rng());
    send_telemetry(device, noise);
    ++tally_.garbage;
    return;
  }
  DeviceOutbox foreign(rng(), 1);
  foreign.append({.start_ms = wall_ms(), .length_ms = 0});
  send_telemetry(device, maker_.batch("not-" + device.name, foreign, 1, 1, device.level, wall_ms()));
  ++tally_.foreign;
}

// Its timer was set for the earliest of what may be due, which may be over.
void Fleet::device_due(std::size_t number) {
  SimulatedDevice& device = devices_[number];
  device.timer_at_us = 0;
  const std::int64_t now = steady_us();
  if (device.outbox.under_way() == 0) return queue(number);
  const std::int64_t answer_by_us = device.sent_at_us + us_of(options_.answer_s);
  if (answer_by_us > now) return arm(number, answer_by_us);
  ++tally_.timeouts;
  with_outbox(device, [](DeviceOutbox& outbox) { outbox.forget_under_way(); });
  const Duration wait = full_jitter(ms_of(options_.retry_s), ms_of(options_.retry_cap_s), device.failures++, waits_);
  device.not_before_us = now + wait.count() * 1000;
  arm(number, device.not_before_us);
}

// A timer that is set earlier than is wanted finds that out by itself.
void Fleet::arm(std::size_t number, std::int64_t at_us) {
  SimulatedDevice& device = devices_[number];
  if (device.timer_at_us != 0 && device.timer_at_us <= at_us) return;
  device.timer_at_us = at_us;
  clock_.at(at_us, Due::device, number);
}

// Answers -------------------------------------------------------------------------------------------------------------

void Fleet::message_came(std::string_view topic, std::string_view payload) {
  const auto to = parse_down_topic(topic, options_.prefix, options_.first);
  if (!to || to->device >= devices_.size() || to->kind != DownKind::ack || phase_ == Phase::ended) return;
  if (const auto plain = read_plain_ack(payload)) return take_ack(to->device, *plain);
  const auto ack = wire::decode_telemetry_ack(payload);
  if (ack) return take_ack(to->device, *ack);
  take_refusal(to->device, payload);
}

void Fleet::take_ack(std::size_t number, const wire::TelemetryAck& ack) {
  SimulatedDevice& device = devices_[number];
  ++tally_.acks;
  const auto outcome = with_outbox(device, [&](DeviceOutbox& outbox) { return outbox.acknowledge(ack); });
  if (outcome.renewed) device.epochs_before.push_back(ack.epoch);
  tally_.acknowledged += outcome.windows;
  device.acknowledged += outcome.windows;
  tally_.health_acknowledged += outcome.health;
  tally_.renewed += outcome.renewed ? 1 : 0;
  if (outcome.answers) {
    tally_.ack_ms.add(static_cast<double>(steady_us() - device.sent_at_us) / 1e3);
    device.failures = 0;
    device.not_before_us = 0;
    device.most_records = std::min(2 * device.most_records, options_.most_records);
  }
  if (outcome.windows > 0) repeat_now_and_then(number);
  if (device.outbox.records() > 0 || is_closed_loop()) queue(number);
  watch_storms();
  pump();
}

void Fleet::repeat_now_and_then(std::size_t number) {
  const SimulatedDevice& device = devices_[number];
  const auto* stored = device.outbox.newest_stored();
  if (stored == nullptr || !connections_.is_up(device.connection)) return;
  if (!chance_.happens(options_.duplicates, Question::is_repeated, number, stored->seq)) return;
  send_telemetry(device, maker_.repeated_batch(device.name, device.outbox.epoch(), *stored, device.level,
                                               wall_ms() + device.skew_ms));
  ++tally_.duplicates;
}

bool Fleet::is_of_under_way(const SimulatedDevice& device, std::string_view batch) const {
  const DeviceOutbox& outbox = device.outbox;
  if (outbox.under_way() == 0) return false;
  const Bytes sent =
      maker_.batch(device.name, outbox, outbox.before() + 1, outbox.under_way(), device.level, device.sent_at_ms);
  return sha256(sent).to_hex().substr(0, batch.size()) == batch;
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
  if (!is_of_under_way(device, refusal->batch)) return;
  tally_.last_error = "refused: " + refusal->message;
  const std::size_t count = device.outbox.under_way();
  const bool is_window = device.outbox.entry(device.outbox.before() + 1).is_health == 0;
  device.most_records = std::max<std::size_t>(1, count / 2);
  with_outbox(device, [&](DeviceOutbox& outbox) {
    outbox.forget_under_way();
    if (count == 1) outbox.set_aside_oldest();
  });
  if (count == 1 && is_window) ++tally_.set_aside;
  device.not_before_us = steady_us() + us_of(waits_.uniform() * options_.retry_s);
  arm(number, device.not_before_us);
}

// Storms and the end --------------------------------------------------------------------------------------------------

void Fleet::begin_storm() {
  if (phase_ != Phase::loading) return;
  storm_level_ = waiting_ + options_.devices / 100;
  Storm& storm = tally_.storms.emplace_back();
  storm.at_s = seconds_of(steady_us() - load_begun_us_);
  storm.connections = connections_.tear(options_.storm_share);
  tally_.torn += storm.connections;
}

void Fleet::watch_storms() {
  if (tally_.storms.empty() || connections_.torn_left() > 0) return;
  Storm& storm = tally_.storms.back();
  const double since_s = seconds_of(steady_us() - load_begun_us_) - storm.at_s;
  if (storm.back_s < 0) storm.back_s = since_s;
  if (storm.recovered_s < 0 && waiting_ <= storm_level_) storm.recovered_s = since_s;
}

void Fleet::finish() {
  if (phase_ != Phase::loading) return end();
  phase_ = Phase::draining;
  load_ended_us_ = steady_us();
  cpu_after_s_ = process_cpu_s();
  clock_.after(options_.drain_s, Due::drained);
  look_at_end();
}

void Fleet::look_at_end() {
  if (phase_ == Phase::loading && options_.windows > 0 && tally_.made >= options_.windows) return finish();
  if (phase_ == Phase::draining && waiting_ == 0) end();
}

void Fleet::end() {
  if (std::exchange(phase_, Phase::ended) == Phase::ended) return;
  clock_.stop();
  connections_.end();
  on_end_();
}

void Fleet::tell_progress() const {
  std::fprintf(stderr, "argosy-fleet-load: %zu connected, %llu sent, %llu acknowledged, %llu waiting\n",
               connections_.up(), static_cast<unsigned long long>(tally_.sent),
               static_cast<unsigned long long>(tally_.acknowledged), static_cast<unsigned long long>(waiting_));
}

Ending Fleet::ending() const {
  Ending ending;
  if (load_begun_us_ > 0) {
    const bool is_over = load_ended_us_ > 0;
    ending.seconds = seconds_of((is_over ? load_ended_us_ : steady_us()) - load_begun_us_);
    ending.cpu_s = (is_over ? cpu_after_s_ : process_cpu_s()) - cpu_before_s_;
  }
  for (const SimulatedDevice& device : devices_) ending.dropped += device.outbox.dropped();
  ending.waiting = waiting_;
  ending.seed = options_.seed;
  return ending;
}

}  // namespace argosy::fleet_load
