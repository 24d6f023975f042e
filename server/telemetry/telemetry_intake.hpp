// From a device's bytes to a batch that may be stored, and back from the outcome to the quarantine: one way for what
// comes by MQTT and by HTTPS. On the I/O thread; bounded by the allowance of each device.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/quarantine/quarantine_service.hpp"
#include "server/telemetry/allowance.hpp"
#include "server/telemetry/telemetry_service.hpp"

namespace argosy::server {

class TelemetryIntake {
 public:
  explicit TelemetryIntake(QuarantineService& quarantine, PairAllowance::Limits limits = PairAllowance::Limits())
      : quarantine_(quarantine), pairs_(limits) {}

  static MessageId id_of(std::string device, std::string_view payload);
  // Before anything is read.
  Ruling ruling_on(const MessageId& message, Instant now) { return quarantine_.admit(message, now); }
  // The same for one who is told: take or take_alone, or an error that says when it may come again, if ever.
  Result<Admittance> check(const MessageId& message, Instant now) { return quarantine_.check(message, now); }
  // On any thread. Errc::malformed_cbor, or forbidden in another device's name.
  static Result<wire::TelemetryBatch> read(std::string_view device, std::string_view payload);
  // What was read; Errc::unprocessable over the device's allowance. The quarantine knows of an error then.
  Result<wire::TelemetryBatch> admit(const MessageId& message, Result<wire::TelemetryBatch> batch, Instant now);
  // Marks them while they are read and stored.
  InHand::Hold hold(const std::vector<MessageId>& messages) { return quarantine_.hold(messages); }
  // What became of a batch: nobody is blamed when the fault is the database's, or the device is not enrolled.
  void settle(const MessageId& message, const Result<wire::TelemetryAck>& ack, Instant now);

 private:
  QuarantineService& quarantine_;
  PairAllowance pairs_;
};

}  // namespace argosy::server
