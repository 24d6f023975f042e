#include "server/telemetry/batch_collector.hpp"

#include <deque>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/base/metrics.hpp"
#include "server/work/by_halves.hpp"

namespace argosy::server {

namespace {

struct WaitingBatch {
  MessageId message;
  std::string payload;
};

}  // namespace

struct BatchCollector::State {
  State(TelemetryService& service, TelemetryIntake& reader, OnAck ack, OnRefusal refusal, CollectorOptions given)
      : telemetry(service), intake(reader), on_ack(std::move(ack)), on_refusal(std::move(refusal)), options(given) {}

  TelemetryService& telemetry;
  TelemetryIntake& intake;
  OnAck on_ack;
  OnRefusal on_refusal;
  CollectorOptions options;
  std::deque<WaitingBatch> waiting;
  std::deque<WaitingBatch> aside;  // each alone, when no others wait: one of them may be at fault
  std::size_t waiting_bytes = 0;
  std::unordered_map<std::string, std::size_t> device_bytes;
  Counters counters;
  bool flushing = false;  // a round was asked for, or is under way
  bool gone = false;      // the collector: nobody hears what becomes of the rest

  struct Reading {
    std::vector<MessageId> messages;
    std::vector<wire::TelemetryBatch> batches;
    std::size_t rows = 0;
  };
  Reading read_some(Instant now);
  void read_next(std::deque<WaitingBatch>& from, Reading& reading, Instant now);
  void answer(const std::vector<MessageId>& messages, const Result<TelemetryService::Acks>& acks, Instant now);
};

// Whole batches, in the order they came, until there are enough rows; without any, one that is to be alone.
BatchCollector::State::Reading BatchCollector::State::read_some(Instant now) {
  Reading reading;
  while (!waiting.empty() && reading.rows < options.rows) read_next(waiting, reading, now);
  while (waiting.empty() && reading.batches.empty() && !aside.empty()) read_next(aside, reading, now);
  return reading;
}

void BatchCollector::State::read_next(std::deque<WaitingBatch>& from, Reading& reading, Instant now) {
  const WaitingBatch next = std::move(from.front());
  from.pop_front();
  waiting_bytes -= next.payload.size();
  const auto of_device = device_bytes.find(next.message.device);
  of_device->second -= next.payload.size();
  if (of_device->second == 0) device_bytes.erase(of_device);
  auto batch = intake.read(next.message, next.payload, now);
  if (!batch) {
    ++counters.malformed;
    return on_refusal(next.message, batch.error());
  }
  reading.rows += batch->records.size();
  reading.messages.push_back(next.message);
  reading.batches.push_back(std::move(*batch));
}

void BatchCollector::State::answer(const std::vector<MessageId>& messages, const Result<TelemetryService::Acks>& acks,
                                   Instant now) {
  if (!acks) {  // nothing was stored; the devices send again
    counters.failed += messages.size();
    return;
  }
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto& ack = (*acks)[i];
    intake.settle(messages[i], ack, now);
    if (ack) {
      on_ack(messages[i].device, *ack);
    } else if (is_for_all(ack.error().code)) {
      ++counters.failed;
    } else {
      ++counters.refused;
      on_refusal(messages[i], ack.error());
    }
  }
}

namespace {

// Until nothing waits any more. However it ends, the next message asks for another round.
template <class State>
Task<Result<void>> flush(std::shared_ptr<State> state) {
  struct Round {
    State& of;
    ~Round() { of.flushing = false; }
  } const round{*state};
  while (!state->gone && !(state->waiting.empty() && state->aside.empty())) {
    const Instant now = wall_clock_now();
    auto reading = state->read_some(now);
    if (reading.batches.empty()) continue;
    const auto in_hand = state->intake.hold(reading.messages);
    const auto acks = co_await state->telemetry.ingest(std::move(reading.batches), now);
    if (!state->gone) state->answer(reading.messages, acks, now);
  }
  co_return Result<void>{};
}

}  // namespace

BatchCollector::BatchCollector(boost::asio::any_io_executor io, TelemetryService& telemetry, TelemetryIntake& intake,
                               OnAck on_ack, OnRefusal on_refusal, CollectorOptions options)
    : state_(std::make_shared<State>(telemetry, intake, std::move(on_ack), std::move(on_refusal), options)),
      loop_(std::move(io), LoopOptions{.name = "storing telemetry", .interval = std::nullopt, .starts_at_once = false},
            [state = state_](Instant) { return flush(state); }) {}

BatchCollector::~BatchCollector() {
  state_->gone = true;
}

Task<void> BatchCollector::stop() {
  return loop_.stop();
}

Result<void> BatchCollector::take(std::string_view device, std::string payload) {
  State& state = *state_;
  MessageId message = TelemetryIntake::id_of(std::string(device), payload);
  const Ruling ruling = state.intake.admit(message, wall_clock_now());
  if (ruling.admission == Admittance::wait) return {};  // the device will send it again
  if (ruling.admission == Admittance::refuse) {
    state.on_refusal(message, make_error(Errc::unprocessable, "it was refused before: " + ruling.reason));
    return {};
  }
  std::size_t& of_device = state.device_bytes[message.device];
  const bool has_room = state.waiting_bytes + payload.size() <= state.options.waiting_bytes_limit &&
                        of_device + payload.size() <= state.options.device_bytes_limit;
  if (!has_room || payload.empty()) {
    if (of_device == 0) state.device_bytes.erase(message.device);
    ++state.counters.dropped;
    return make_error(Errc::unavailable, "too much telemetry is waiting; the device will send again");
  }
  ++state.counters.batches;
  of_device += payload.size();
  state.waiting_bytes += payload.size();
  auto& queue = ruling.admission == Admittance::take ? state.waiting : state.aside;
  queue.push_back({std::move(message), std::move(payload)});
  if (!state.flushing) {
    state.flushing = true;
    loop_.wake(state.options.delay);
  }
  if (state.waiting_bytes >= state.options.bytes) loop_.wake();
  return {};
}

BatchCollector::Counters BatchCollector::counters() const {
  Counters counters = state_->counters;
  counters.waiting_bytes = state_->waiting_bytes;
  return counters;
}

bool BatchCollector::idle() const {
  return !state_->flushing;
}

void add_metrics(Metrics& metrics, const BatchCollector& collector) {
  metrics.sampled_counter("argosy_telemetry_batches_dropped_total", "Batches for which there was no room",
                          [&collector] { return collector.counters().dropped; });
  metrics.sampled_gauge("argosy_telemetry_waiting_bytes", "Batches that wait to be stored",
                        [&collector] { return collector.counters().waiting_bytes; });
}

}  // namespace argosy::server
