#include "agent/telemetry/telemetry_sender.hpp"

#include <algorithm>
#include <utility>

#include "common/crypto/digest.hpp"

namespace argosy::agent {

TelemetrySender::TelemetrySender(std::string device, Outbox& outbox, CatchUp::Pace pace, std::uint64_t seed,
                                 Ports ports)
    : device_(std::move(device)),
      outbox_(outbox),
      delivery_(seed),
      catch_up_(pace, seed + 1),
      ports_(std::move(ports)) {
  if (!ports_.ageing) ports_.ageing = ports_.now;
}

namespace {

std::string name_of(const Bytes& batch) {
  return sha256(batch).to_hex().substr(0, 16);
}

// A clock before 1970 or after 9999 is told of by no batch at all.
bool is_writable(Instant now) {
  return to_ms(now) >= 0 && to_ms(now) < 253'402'300'800'000;
}

}  // namespace

void TelemetrySender::pump() {
  const Instant now = ports_.ageing();
  if (outbox_.records() == 0 || !delivery_.may_send(now)) return;
  auto most = catch_up_.next(now, waiting(), delivery_.failures());
  if (!most) return;
  const bool over_mqtt = goes_over_mqtt();
  if (over_mqtt) most = {std::min(most->records, CatchUp::usual.records), std::min(most->bytes, CatchUp::usual.bytes)};
  auto batch = outbox_.batch(device_, std::min(most->records, most_records_), most->bytes);
  if (!batch) return ports_.log(batch.error().message);
  if (!*batch) return;
  if (const Instant sent_at = ports_.now(); is_writable(sent_at)) (*batch)->sent_at = sent_at;
  (*batch)->clock_offset = ports_.clock_offset();
  Bytes encoded = wire::encode(**batch);
  const CatchUp::Amount amount{(*batch)->records.size(), encoded.size()};
  under_way_ = {name_of(encoded), (*batch)->epoch, (*batch)->oldest, amount.records};
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

// One that neither helps nor is about what is under way is old, or another agent's on the same topic: sending again at
// each of those would never end.
void TelemetrySender::take_ack(const wire::TelemetryAck& ack) {
  const auto oldest = outbox_.oldest();
  const auto epoch = outbox_.epoch();
  const bool of_under_way = ack.epoch == under_way_.epoch && ack.seq >= under_way_.first;
  const auto deleted = outbox_.acknowledge(ack);
  if (!deleted) return ports_.log(deleted.error().message);
  const bool helped = outbox_.oldest() != oldest || outbox_.epoch() != epoch;
  if (!helped && !of_under_way) return;
  delivery_.answered();
  most_records_ = std::min(2 * most_records_, CatchUp::bulk.records);
  pump();
}

void TelemetrySender::post_failed(const Error& error, std::optional<Duration> retry_after) {
  delivery_.failed(ports_.ageing(), retry_after);
  ports_.log("cannot send telemetry: " + error.message);
}

void TelemetrySender::take_refusal(const wire::TelemetryRefusal& refusal) {
  if (refusal.batch == under_way_.name) refused(refusal.message);
}

void TelemetrySender::post_refused(const Error& error) {
  refused(error.message);
}

// What was under way is the oldest of the outbox still, unless it was acknowledged, dropped or numbered anew meanwhile.
void TelemetrySender::refused(const std::string& reason) {
  delivery_.refused(ports_.ageing());
  const UnderWay batch = std::exchange(under_way_, {});
  if (batch.epoch != outbox_.epoch() || batch.first != outbox_.oldest()) return;
  most_records_ = std::max<std::uint64_t>(1, batch.records / 2);
  if (batch.records > 1) return ports_.log("the server refuses a telemetry batch, looking for its fault: " + reason);
  const auto done = outbox_.set_aside_oldest(reason);
  ports_.log(done ? "the server refuses a telemetry record, set aside: " + reason : done.error().message);
}

void TelemetrySender::link_changed() {
  if (!has_backlog()) delivery_.link_changed();
}

}  // namespace argosy::agent
