#include "server/telemetry/batch_collector.hpp"

#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace argosy::server {

namespace asio = boost::asio;

struct BatchCollector::State {
  State(asio::any_io_executor io, TelemetryService& service, OnAck ack, OnRefusal refusal, CollectorOptions given)
      : telemetry(service), on_ack(std::move(ack)), on_refusal(std::move(refusal)), options(given), timer(io) {}

  TelemetryService& telemetry;
  OnAck on_ack;
  OnRefusal on_refusal;
  CollectorOptions options;
  asio::steady_timer timer;
  std::vector<wire::TelemetryBatch> waiting;
  std::size_t waiting_rows = 0;
  Counters counters;
  bool flushing = false;  // a flush waits for its time or is under way
  bool stopped = false;

  std::vector<wire::TelemetryBatch> take_some();
  void answer(const std::vector<std::string>& devices, const Result<TelemetryService::Acks>& acks);
};

// Whole batches, in the order they came, until there are enough rows.
std::vector<wire::TelemetryBatch> BatchCollector::State::take_some() {
  std::size_t rows = 0;
  std::size_t batches = 0;
  while (batches < waiting.size() && rows < options.rows) rows += waiting[batches++].records.size();
  const auto end = waiting.begin() + static_cast<std::ptrdiff_t>(batches);
  std::vector<wire::TelemetryBatch> some(std::make_move_iterator(waiting.begin()), std::make_move_iterator(end));
  waiting.erase(waiting.begin(), end);
  waiting_rows -= rows;
  return some;
}

void BatchCollector::State::answer(const std::vector<std::string>& devices,
                                   const Result<TelemetryService::Acks>& acks) {
  if (!acks) return on_refusal({}, acks.error());  // nothing was stored; the devices send again
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const auto& ack = (*acks)[i];
    if (ack) {
      on_ack(devices[i], *ack);
    } else {
      ++counters.refused;
      on_refusal(devices[i], ack.error());
    }
  }
}

namespace {

template <class State>
Task<void> flush(std::shared_ptr<State> state) {
  auto waited = state->timer.async_wait(asio::as_tuple(asio::use_awaitable));
  co_await std::move(waited);
  while (!state->stopped && !state->waiting.empty()) {
    auto batches = state->take_some();
    std::vector<std::string> devices;
    for (const auto& batch : batches) devices.push_back(batch.device);
    auto stored = state->telemetry.ingest(std::move(batches), wall_clock_now());
    const auto acks = co_await std::move(stored);
    if (!state->stopped) state->answer(devices, acks);
  }
  state->flushing = false;
}

}  // namespace

BatchCollector::BatchCollector(asio::any_io_executor io, TelemetryService& telemetry, OnAck on_ack,
                               OnRefusal on_refusal, CollectorOptions options)
    : state_(std::make_shared<State>(io, telemetry, std::move(on_ack), std::move(on_refusal), options)) {}

BatchCollector::~BatchCollector() {
  state_->stopped = true;
  state_->timer.cancel();
}

Result<void> BatchCollector::take(std::string_view device, std::string_view payload) {
  auto batch = wire::decode_telemetry(as_bytes(payload));
  if (!batch) {
    ++state_->counters.malformed;
    return batch.error();
  }
  if (batch->device != device) {
    ++state_->counters.malformed;
    return make_error(Errc::forbidden,
                      "device \"" + std::string(device) + "\" sent telemetry in the name of \"" + batch->device + "\"");
  }
  const auto rows = batch->records.size();
  if (state_->waiting_rows + rows > state_->options.waiting_rows_limit) {
    ++state_->counters.dropped;
    return make_error(Errc::unavailable, "too much telemetry is waiting; the device will send again");
  }
  ++state_->counters.batches;
  state_->waiting_rows += rows;
  state_->waiting.push_back(std::move(*batch));
  if (!state_->flushing) {
    state_->flushing = true;
    state_->timer.expires_after(state_->options.delay);
    asio::co_spawn(state_->timer.get_executor(), flush(state_), asio::detached);
  }
  if (state_->waiting_rows >= state_->options.rows) state_->timer.cancel();
  return {};
}

BatchCollector::Counters BatchCollector::counters() const {
  return state_->counters;
}

bool BatchCollector::idle() const {
  return !state_->flushing;
}

}  // namespace argosy::server
