#include "server/telemetry/telemetry_intake.hpp"

#include "server/work/by_halves.hpp"

namespace argosy::server {

Result<wire::TelemetryBatch> TelemetryIntake::read(std::string_view device, std::string_view payload) {
  try {
    ARGOSY_TRY(wire::TelemetryBatch batch, wire::decode_telemetry(as_bytes(payload)));
    if (batch.device != device)
      return make_error(Errc::forbidden,
                        "device \"" + std::string(device) + "\" sent telemetry in the name of another device");
    return batch;
  } catch (const std::exception& unforeseen) {
    return make_error(Errc::unprocessable, unforeseen.what());
  }
}

MessageId TelemetryIntake::id_of(std::string device, std::string_view payload) {
  return {std::move(device), MessageKind::telemetry, sha256(as_bytes(payload))};
}

Result<wire::TelemetryBatch> TelemetryIntake::admit(const MessageId& message, Result<wire::TelemetryBatch> batch,
                                                    Instant now) {
  if (!batch) {
    quarantine_.refuse(message, batch.error(), now);
    return batch;
  }
  const auto within = pairs_.check(*batch, now);
  if (within) return batch;
  quarantine_.refuse({message.device, MessageKind::allowance, message.digest}, within.error(), now);
  quarantine_.refuse(message, within.error(), now);
  return within.error();
}

void TelemetryIntake::settle(const MessageId& message, const Result<wire::TelemetryAck>& ack, Instant now) {
  if (ack) return quarantine_.accept(message, now);
  const Errc code = ack.error().code;
  if (!is_for_all(code) && code != Errc::forbidden) quarantine_.refuse(message, ack.error(), now);
}

}  // namespace argosy::server
