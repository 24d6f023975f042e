// The server's device calls (docs/protocol.md, "Device side over HTTPS") as coroutines. Knows the paths and documents,
// keeps no state. The agent's loop thread.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "agent/link/https_client.hpp"
#include "agent/link/identity.hpp"
#include "common/wire/desired.hpp"
#include "common/wire/labels.hpp"
#include "common/wire/telemetry.hpp"

namespace argosy::agent {

struct EnrolmentOrder {
  std::string claim;
  std::string device;
  std::string hardware_class;
  std::string csr_pem;
  std::map<std::string, std::string> labels;
  std::string board;  // what it is made of; empty: not known
};

struct TelemetryAnswer {
  Result<wire::TelemetryAck> ack;
  std::optional<Duration> retry_after;  // with an error: what the server asked for
  bool refused = false;                 // with an error: this batch will never be taken
};

class DeviceApi {
 public:
  explicit DeviceApi(HttpsClient& https) : https_(https) {}

  Task<Result<IssuedIdentity>> enrol(EnrolmentOrder order);
  Task<Result<IssuedIdentity>> renew(std::string csr_pem);
  // The way back when the certificate has ended: what the request that shows possession of the key has to hold, and the
  // request itself. Both without a certificate.
  Task<Result<std::string>> challenge();
  Task<Result<IssuedIdentity>> come_back(std::string device, std::string csr_pem, std::string challenge);
  // None when nothing newer than `known_rev` is there.
  Task<Result<std::optional<wire::Desired>>> desired(std::int64_t known_rev);
  Task<Result<void>> post_state(std::string document);
  Task<Result<void>> post_diagnostics(std::string document);
  Task<TelemetryAnswer> post_telemetry(Bytes batch);
  // Errc::not_found: the server hands out no labels, being older than that.
  Task<Result<wire::HandedLabels>> post_label_answers(wire::LabelAnswers answers);

 private:
  HttpsClient& https_;
};

}  // namespace argosy::agent
