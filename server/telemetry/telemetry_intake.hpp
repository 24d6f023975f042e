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
  Ruling admit(const MessageId& message, Instant now) { return quarantine_.admit(message, now); }
  Result<void> check(const MessageId& message, Instant now) { return quarantine_.check(message, now); }
  // Marked while it is read. Errc::malformed_cbor, forbidden in another device's name, unprocessable over the device's
  // allowance; the quarantine knows of it then.
  Result<wire::TelemetryBatch> read(const MessageId& message, std::string_view payload, Instant now);
  // Marks them while they are stored.
  InHand::Hold hold(const std::vector<MessageId>& messages) { return quarantine_.hold(messages); }
  // What became of a batch: nobody is blamed when the fault is the database's, or the device is not enrolled.
  void settle(const MessageId& message, const Result<wire::TelemetryAck>& ack, Instant now);

 private:
  QuarantineService& quarantine_;
  PairAllowance pairs_;
};

}  // namespace argosy::server
