// Claims, enrolment, renewal, and whether a certificate is still good. Coroutines on the I/O thread; holds the fleet
// CA's key. Signing runs on the database threads, inside the transaction that records the certificate.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/id.hpp"
#include "common/base/instant.hpp"
#include "common/crypto/certificates.hpp"
#include "server/base/task.hpp"
#include "server/devices/enrolment.hpp"

namespace argosy::server {

class DbPool;

struct EnrolmentOptions {
  CertificateAndKey authority;
  std::string mqtt_host = "127.0.0.1";
  std::uint16_t mqtt_port = 8883;
  std::chrono::hours certificate_life{24 * 90};
  std::chrono::hours way_back{24 * 180};
};

class EnrolmentService {
 public:
  // Throws when the authority's certificate cannot be read: a mistake of the configuration.
  EnrolmentService(DbPool& db, EnrolmentOptions options);

  Task<Result<NewClaim>> create_claim(ClaimOffer offer, std::string actor, Instant now);
  Task<Result<std::vector<Claim>>> list_claims();  // newest first, at most 500
  Task<Result<void>> revoke_claim(std::int64_t id, std::string actor, Instant now);

  // Errc::claim_invalid, claim_expired, conflict (the name belongs to another key: an operator has to let it in),
  // invalid_argument (CSR, name).
  // `address`: where the request came from, for the audit log.
  Task<Result<Credentials>> enrol(EnrolmentRequest request, std::string address, Instant now);
  // For a device that has shown its certificate. The old certificate stays good until the new one is first used.
  // Errc::rate_limited when the device has given up too many.
  Task<Result<Credentials>> renew(DeviceId device, std::string csr_pem, std::string address, Instant now);
  // The way back of a device whose certificate has ended: possession of its key, shown with a challenge that this fleet
  // gave out in the last minutes. Errc::unauthenticated (the challenge), forbidden (unknown, another key, revoked, too
  // late).
  std::string challenge(Instant now);
  Task<Result<Credentials>> come_back(ReturnRequest request, std::string address, Instant now);
  // For the HTTP authenticator: whether this certificate (SHA-256 of its DER form) is the device's present one.
  Task<Result<bool>> is_current(DeviceId device, Digest fingerprint);

 private:
  // A certificate that is handed out a second time has at least half its life before it.
  Instant good_until(Instant now) const;
  Credentials credentials(DeviceId device, std::string pem) const;

  DbPool& db_;
  EnrolmentOptions options_;
  CertificateFacts authority_;
  Digest secret_;
};

}  // namespace argosy::server
