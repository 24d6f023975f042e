#include "server/devices/enrolment_service.hpp"

#include "common/base/random.hpp"
#include "common/crypto/digest.hpp"
#include "common/crypto/keys.hpp"
#include "common/crypto/token.hpp"
#include "common/json/json_reader.hpp"
#include "server/db/db_pool.hpp"
#include "server/devices/enrolment_store.hpp"

namespace argosy::server {

namespace {

constexpr std::chrono::minutes clock_tolerance{10};  // a device's clock may lag behind ours

struct Signer {
  CertificateAndKey authority;
  std::string csr_pem;
  Instant not_before;
  Instant not_after;

  Result<IssuedCertificate> operator()(const DeviceId& device) const {
    const ClientCertificateOptions options{device.value(), {not_before, not_after}, ""};
    ARGOSY_TRY(std::string pem, issue_client_certificate(authority, csr_pem, options));
    ARGOSY_TRY(const CertificateFacts facts, read_certificate(pem));
    return IssuedCertificate{std::move(pem), facts.fingerprint.to_hex(), facts.serial_hex, facts.not_after};
  }
};

Issue signer(const EnrolmentOptions& options, const CertificateFacts& authority, std::string csr_pem, Instant now) {
  const Instant not_after = std::min(now + options.certificate_life, authority.not_after);
  return Signer{options.authority, std::move(csr_pem), now - clock_tolerance, not_after};
}

std::string sha256_hex(std::string_view text) {
  return sha256(as_bytes(text)).to_hex();
}

// A request whose name and own signature hold.
Result<CsrFacts> read_csr(std::string_view csr_pem, const DeviceId& device) {
  auto csr = parse_csr(csr_pem);
  if (!csr) return field_error("csr", csr.error().message);
  if (!csr->common_name.empty() && csr->common_name != device.value())
    return field_error("csr", "names '" + csr->common_name + "', not the device '" + device.value() + "'");
  return csr;
}

Result<std::string> key_of(std::string_view csr_pem, const DeviceId& device) {
  ARGOSY_TRY(const CsrFacts csr, read_csr(csr_pem, device));
  return sha256_hex(csr.public_key_pem);
}

// Every instance has the authority's key, and so the same secret.
Digest challenge_secret(const CertificateAndKey& authority) {
  return hmac_sha256(as_bytes(authority.private_key_pem), as_bytes("argosy: challenges of POST /device/v1/return"));
}

}  // namespace

EnrolmentService::EnrolmentService(DbPool& db, EnrolmentOptions options)
    : db_(db),
      options_(std::move(options)),
      authority_(read_certificate(options_.authority.certificate_pem).value()),
      secret_(challenge_secret(options_.authority)) {}

Task<Result<NewClaim>> EnrolmentService::create_claim(ClaimOffer offer, std::string actor, Instant now) {
  ARGOSY_CO_CHECK(check_claim(offer));
  NewClaim claim{0, random_token(), authority_.fingerprint.to_hex()};
  ARGOSY_CO_TRY(claim.id,
                co_await db_.transact<CreateClaim>(std::move(offer), sha256_hex(claim.token), std::move(actor), now));
  co_return claim;
}

Task<Result<std::vector<Claim>>> EnrolmentService::list_claims() {
  return db_.transact<ListClaims>();
}

Task<Result<void>> EnrolmentService::revoke_claim(std::int64_t id, std::string actor, Instant now) {
  return db_.transact<RevokeClaim>(id, std::move(actor), now);
}

Task<Result<Credentials>> EnrolmentService::enrol(EnrolmentRequest request, std::string address, Instant now) {
  ARGOSY_CO_TRY(std::string key, key_of(request.csr_pem, request.device));
  const DeviceId device = request.device;
  Issue issue = signer(options_, authority_, request.csr_pem, now);
  std::string token_sha256 = sha256_hex(request.claim);
  EnrolmentOrder order{std::move(request), std::move(token_sha256), std::move(key),
                       options_.way_back,  std::move(issue),        now,
                       good_until(now),    std::move(address)};
  ARGOSY_CO_TRY(auto admission, co_await db_.transact<EnrolDevice>(std::move(order)));
  if (!admission.certificate) co_return make_error(Errc::conflict, std::move(admission.refusal));
  co_return credentials(device, std::move(admission.certificate->pem));
}

Task<Result<Credentials>> EnrolmentService::renew(DeviceId device, std::string csr_pem, std::string address,
                                                  Instant now) {
  ARGOSY_CO_TRY(std::string key, key_of(csr_pem, device));
  RenewalOrder order{device, std::move(key), signer(options_, authority_, csr_pem, now), good_until(now),
                     std::move(address)};
  ARGOSY_CO_TRY(auto certificate, co_await db_.transact<RenewDevice>(std::move(order)));
  co_return credentials(device, std::move(certificate.pem));
}

std::string EnrolmentService::challenge(Instant now) {
  return make_challenge(secret_.bytes, to_hex(secure_random(8)), now);
}

// What costs a stranger most and us least comes first.
Task<Result<Credentials>> EnrolmentService::come_back(ReturnRequest request, std::string address, Instant now) {
  ARGOSY_CO_CHECK(check_challenge(secret_.bytes, request.challenge, now));
  ARGOSY_CO_TRY(const CsrFacts csr, read_csr(request.csr_pem, request.device));
  if (csr.challenge != request.challenge)
    co_return field_error("csr", "does not hold the challenge as its challengePassword");
  const DeviceId device = request.device;
  RenewalOrder renewal{device, sha256_hex(csr.public_key_pem), signer(options_, authority_, request.csr_pem, now),
                       good_until(now), std::move(address)};
  ReturnOrder order{std::move(renewal), options_.way_back, now};
  ARGOSY_CO_TRY(auto certificate, co_await db_.transact<ReturnDevice>(std::move(order)));
  co_return credentials(device, std::move(certificate.pem));
}

Task<Result<bool>> EnrolmentService::is_current(DeviceId device, Digest fingerprint) {
  return db_.transact<IsCurrentCertificate>(std::move(device), fingerprint.to_hex());
}

Instant EnrolmentService::good_until(Instant now) const {
  return std::min(now + options_.certificate_life / 2, authority_.not_after);
}

Credentials EnrolmentService::credentials(DeviceId device, std::string pem) const {
  return {std::move(device), std::move(pem), options_.authority.certificate_pem, options_.mqtt_host,
          options_.mqtt_port};
}

}  // namespace argosy::server
