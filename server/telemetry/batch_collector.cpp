#include "server/telemetry/batch_collector.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/random.hpp"
#include "server/base/loop.hpp"
#include "server/base/metrics.hpp"
#include "server/telemetry/telemetry_service.hpp"
#include "server/work/by_halves.hpp"
#include "server/work/worker_pool.hpp"

namespace argosy::server {

namespace {

namespace asio = boost::asio;

using Outcome = Result<wire::TelemetryAck>;
using Answer = std::function<void(Outcome)>;

struct WaitingBatch {
  MessageId message;
  std::string payload;
  Answer answer = {};  // of one that was posted; the broker's have the same for all
};

// On a worker.
struct ReadBatches {
  std::vector<std::pair<std::string, std::string>> sent;  // device, payload
  std::vector<Result<wire::TelemetryBatch>> operator()() const {
    std::vector<Result<wire::TelemetryBatch>> batches;
    batches.reserve(sent.size());
    for (const auto& [device, payload] : sent) batches.push_back(TelemetryIntake::read(device, payload));
    return batches;
  }
};

Error no_room() {
  return make_error(Errc::unavailable, "too much telemetry is waiting; the device will send again");
}

}  // namespace

struct BatchCollector::State {
  State(Parts given, OnAck ack, OnRefusal refusal, CollectorOptions chosen)
      : parts(given), on_ack(std::move(ack)), on_refusal(std::move(refusal)), options(chosen) {}

  struct Lane {
    std::deque<WaitingBatch> waiting;
    std::deque<WaitingBatch> aside;  // each alone, when no others wait: one of them may be at fault
    std::size_t bytes = 0;
    bool flushing = false;  // a round was asked for, or is under way
    std::optional<Loop> loop;
    bool is_empty() const { return waiting.empty() && aside.empty(); }
    bool has_enough(std::size_t enough) const { return bytes >= enough || (waiting.empty() && !aside.empty()); }
  };

  Parts parts;
  OnAck on_ack;
  OnRefusal on_refusal;
  CollectorOptions options;
  std::deque<Lane> lanes;
  std::size_t waiting_bytes = 0;
  std::unordered_map<std::string, std::size_t> device_bytes;
  Counters counters;
  bool gone = false;  // the collector: nobody hears what becomes of the rest

  bool has_room(const std::string& device, std::size_t size) const;
  void enqueue(WaitingBatch batch, Admittance admission);
  std::vector<WaitingBatch> take_some(Lane& lane);
  WaitingBatch take_front(Lane& lane, std::deque<WaitingBatch>& from);
  void answer(const WaitingBatch& batch, const Outcome& outcome);
  void answer_all(const std::vector<WaitingBatch>& group, const Result<TelemetryService::Acks>& acks, Instant now);
  static Task<void> store(std::shared_ptr<State> state, std::vector<WaitingBatch> group);
};

bool BatchCollector::State::has_room(const std::string& device, std::size_t size) const {
  const auto of_device = device_bytes.find(device);
  return waiting_bytes + size <= options.waiting_bytes_limit &&
         (of_device == device_bytes.end() ? 0 : of_device->second) + size <= options.device_bytes_limit;
}

void BatchCollector::State::enqueue(WaitingBatch batch, Admittance admission) {
  Lane& lane = lanes[stable_hash(0, batch.message.device) % lanes.size()];
  const auto size = batch.payload.size();
  ++counters.batches;
  device_bytes[batch.message.device] += size;
  waiting_bytes += size;
  lane.bytes += size;
  (admission == Admittance::take_alone ? lane.aside : lane.waiting).push_back(std::move(batch));
  if (!std::exchange(lane.flushing, true)) lane.loop->wake(options.delay);
  if (lane.bytes >= options.bytes) lane.loop->wake();
}

WaitingBatch BatchCollector::State::take_front(Lane& lane, std::deque<WaitingBatch>& from) {
  WaitingBatch next = std::move(from.front());
  from.pop_front();
  waiting_bytes -= next.payload.size();
  lane.bytes -= next.payload.size();
  const auto of_device = device_bytes.find(next.message.device);
  of_device->second -= next.payload.size();
  if (of_device->second == 0) device_bytes.erase(of_device);
  return next;
}

// Whole batches, in the order they came, until there are enough bytes; without any, one that is to be alone.
std::vector<WaitingBatch> BatchCollector::State::take_some(Lane& lane) {
  std::vector<WaitingBatch> group;
  for (std::size_t bytes = 0; !lane.waiting.empty() && bytes < options.most_bytes; bytes += group.back().payload.size())
    group.push_back(take_front(lane, lane.waiting));
  if (group.empty() && !lane.aside.empty()) group.push_back(take_front(lane, lane.aside));
  return group;
}

void BatchCollector::State::answer(const WaitingBatch& batch, const Outcome& outcome) {
  if (batch.answer) return batch.answer(outcome);
  if (outcome) return on_ack(batch.message.device, *outcome);
  if (!is_for_all(outcome.error().code)) on_refusal(batch.message, outcome.error());
}

void BatchCollector::State::answer_all(const std::vector<WaitingBatch>& group,
                                       const Result<TelemetryService::Acks>& acks, Instant now) {
  for (std::size_t i = 0; i < group.size(); ++i) {
    const Outcome outcome = acks ? (*acks)[i] : acks.error();
    if (acks) parts.intake.settle(group[i].message, outcome, now);
    // Nothing was stored where all have the same error; the devices send again.
    if (!outcome) ++(is_for_all(outcome.error().code) || !acks ? counters.failed : counters.refused);
    answer(group[i], outcome);
  }
}

Task<void> BatchCollector::State::store(std::shared_ptr<State> state, std::vector<WaitingBatch> group) {
  const Instant now = wall_clock_now();
  std::vector<MessageId> messages;
  ReadBatches reading;
  for (auto& batch : group) {
    messages.push_back(batch.message);
    reading.sent.emplace_back(batch.message.device, std::move(batch.payload));
  }
  const auto in_hand = state->parts.intake.hold(messages);
  auto read = co_await state->parts.readers.run(std::move(reading));
  if (state->gone) co_return;
  if (!read) co_return state->answer_all(group, read.error(), now);
  std::vector<WaitingBatch> taken;
  std::vector<wire::TelemetryBatch> batches;
  for (std::size_t i = 0; i < group.size(); ++i) {
    auto batch = state->parts.intake.admit(group[i].message, std::move((*read)[i]), now);
    if (batch) {
      batches.push_back(std::move(*batch));
      taken.push_back(std::move(group[i]));
    } else {
      ++state->counters.malformed;
      state->answer(group[i], batch.error());
    }
  }
  if (batches.empty()) co_return;
  const auto acks = co_await state->parts.telemetry.ingest(std::move(batches), now);
  if (!state->gone) state->answer_all(taken, acks, now);
}

namespace {

// As long as there is enough; what came meanwhile gathers for another round, however this one ends.
template <class State, class Lane>
Task<Result<void>> flush(std::shared_ptr<State> state, Lane& lane) {
  struct Round {
    State& state;
    Lane& lane;
    ~Round() {
      lane.flushing = !state.gone && !lane.is_empty();
      if (lane.flushing) lane.loop->wake(state.options.delay);
    }
  } const round{*state, lane};
  do co_await State::store(state, state->take_some(lane));
  while (!state->gone && lane.has_enough(state->options.bytes));
  co_return Result<void>{};
}

}  // namespace

BatchCollector::BatchCollector(asio::any_io_executor io, Parts parts, OnAck on_ack, OnRefusal on_refusal,
                               CollectorOptions options)
    : state_(std::make_shared<State>(parts, std::move(on_ack), std::move(on_refusal), options)) {
  for (std::size_t i = 0; i < options.lanes; ++i) {
    State::Lane& lane = state_->lanes.emplace_back();
    lane.loop.emplace(io, LoopOptions{.name = "storing telemetry", .interval = std::nullopt, .starts_at_once = false},
                      [weak = std::weak_ptr(state_), &lane](Instant) -> Task<Result<void>> {
                        const auto state = weak.lock();
                        if (!state) co_return Result<void>{};
                        co_return co_await flush(state, lane);
                      });
  }
}

BatchCollector::~BatchCollector() {
  state_->gone = true;
  for (auto& lane : state_->lanes) lane.loop->request_stop();
}

Task<void> BatchCollector::stop() {
  for (auto& lane : state_->lanes) co_await lane.loop->stop();
}

Result<void> BatchCollector::take(std::string_view device, std::string payload) {
  State& state = *state_;
  MessageId message = TelemetryIntake::id_of(std::string(device), payload);
  const Ruling ruling = state.parts.intake.ruling_on(message, wall_clock_now());
  if (ruling.admission == Admittance::wait) return {};  // the device will send it again
  if (ruling.admission == Admittance::refuse) {
    state.on_refusal(message, make_error(Errc::unprocessable, "it was refused before: " + ruling.reason));
    return {};
  }
  if (payload.empty() || !state.has_room(message.device, payload.size())) {
    ++state.counters.dropped;
    return no_room();
  }
  state.enqueue({std::move(message), std::move(payload)}, ruling.admission);
  return {};
}

Task<Result<wire::TelemetryAck>> BatchCollector::store(std::string device, std::string payload) {
  const auto state = state_;
  MessageId message = TelemetryIntake::id_of(std::move(device), payload);
  ARGOSY_CO_TRY(const Admittance admission, state->parts.intake.check(message, wall_clock_now()));
  if (!state->has_room(message.device, payload.size())) {
    ++state->counters.dropped;
    co_return no_room();
  }
  auto initiate = [state, admission](auto handler, WaitingBatch batch) {
    const auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    batch.answer = [shared, io = asio::get_associated_executor(*shared)](Outcome outcome) {
      asio::post(io, [shared, outcome = std::move(outcome)]() mutable { std::move (*shared)(std::move(outcome)); });
    };
    state->enqueue(std::move(batch), admission);
  };
  WaitingBatch batch{std::move(message), std::move(payload)};
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Outcome)>(
      std::move(initiate), asio::use_awaitable, std::move(batch));
}

BatchCollector::Counters BatchCollector::counters() const {
  Counters counters = state_->counters;
  counters.waiting_bytes = state_->waiting_bytes;
  return counters;
}

bool BatchCollector::idle() const {
  return std::none_of(state_->lanes.begin(), state_->lanes.end(), [](const auto& lane) { return lane.flushing; });
}

void add_metrics(Metrics& metrics, const BatchCollector& collector) {
  metrics.sampled_counter("argosy_telemetry_batches_dropped_total", "Batches for which there was no room",
                          [&collector] { return collector.counters().dropped; });
  metrics.sampled_gauge("argosy_telemetry_waiting_bytes", "Batches that wait to be stored",
                        [&collector] { return collector.counters().waiting_bytes; });
}

}  // namespace argosy::server
