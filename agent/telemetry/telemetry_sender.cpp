#include "agent/telemetry/telemetry_sender.hpp"

#include <algorithm>
#include <utility>

namespace argosy::agent {

TelemetrySender::TelemetrySender(std::string device, Outbox& outbox, CatchUp::Pace pace, std::uint64_t seed,
                                 Ports ports)
    : device_(std::move(device)),
      outbox_(outbox),
      delivery_(seed),
      catch_up_(pace, seed + 1),
      ports_(std::move(ports)) {}

void TelemetrySender::pump() {
  const Instant now = ports_.now();
  if (outbox_.records() == 0 || !delivery_.may_send(now)) return;
  auto most = catch_up_.next(now, waiting(), delivery_.failures());
  if (!most) return;
  const bool over_mqtt = goes_over_mqtt();
  if (over_mqtt) most = {std::min(most->records, CatchUp::usual.records), std::min(most->bytes, CatchUp::usual.bytes)};
  const auto batch = outbox_.batch(device_, most->records, most->bytes);
  if (!batch) return ports_.log(batch.error().message);
  if (!*batch) return;
  Bytes encoded = wire::encode(**batch);
  const CatchUp::Amount amount{(*batch)->records.size(), encoded.size()};
  if (over_mqtt) {
    if (!ports_.publish(std::move(encoded))) return;
    delivery_.sent(now);
    catch_up_.sent(now, amount);
    return;
  }
  delivery_.sent(now, post_answer_within);
  catch_up_.sent(now, amount);
  ports_.post(std::move(encoded));  // last: its answer may come before it returns
}

void TelemetrySender::take_ack(const wire::TelemetryAck& ack) {
  delivery_.answered();
  const auto deleted = outbox_.acknowledge(ack);
  if (!deleted) return ports_.log(deleted.error().message);
  pump();
}

void TelemetrySender::post_failed(const Error& error, std::optional<Duration> retry_after) {
  delivery_.failed(ports_.now(), retry_after);
  ports_.log("cannot send telemetry: " + error.message);
}

void TelemetrySender::link_changed() {
  if (!has_backlog()) delivery_.link_changed();
}

}  // namespace argosy::agent
