// The SQL of claims and of devices' certificates. Each call is one transaction on the pool's threads.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/id.hpp"
#include "common/base/instant.hpp"
#include "server/base/task.hpp"
#include "server/devices/enrolment.hpp"

namespace argosy::server {

class DbPool;

struct IssuedCertificate {
  std::string pem;
  std::string fingerprint;  // SHA-256 of the DER form, hex
  std::string serial;       // hex
  Instant not_after{};
};

// Signs for this device. Called inside a transaction, once the decision has fallen; may be called again on a retry.
using Issue = std::function<Result<IssuedCertificate>(const DeviceId& device)>;

struct EnrolmentOrder {
  EnrolmentRequest request;
  std::string token_sha256;
  std::string key_sha256;
  Duration way_back{};
  Issue issue;
  Instant now{};
  Instant good_until{};  // a certificate that is handed out again lasts at least till then
  std::string address;   // where the request came from, for the audit log
};

struct RenewalOrder {
  DeviceId device;
  std::string key_sha256;
  Issue issue;
  Instant good_until{};
  std::string address;
};

struct ReturnOrder {
  RenewalOrder renewal;
  Duration way_back{};
  Instant now{};
};

class EnrolmentStore {
 public:
  explicit EnrolmentStore(DbPool& db) : db_(db) {}

  Task<Result<std::int64_t>> create_claim(ClaimOffer offer, std::string token_sha256, std::string actor, Instant now);
  Task<Result<std::vector<Claim>>> list_claims();
  Task<Result<void>> revoke_claim(std::int64_t id, std::string actor, Instant now);
  Task<Result<IssuedCertificate>> enrol(EnrolmentOrder order);
  Task<Result<IssuedCertificate>> renew(RenewalOrder order);
  Task<Result<IssuedCertificate>> come_back(ReturnOrder order);
  Task<Result<bool>> is_current(DeviceId device, std::string fingerprint);

 private:
  DbPool& db_;
};

}  // namespace argosy::server
