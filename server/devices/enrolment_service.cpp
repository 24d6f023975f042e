#include "server/devices/enrolment_service.hpp"

#include "common/base/random.hpp"
#include "common/crypto/digest.hpp"
#include "common/crypto/keys.hpp"
#include "common/crypto/token.hpp"
#include "common/json/json_reader.hpp"
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

class StoredEnrolmentService final : public EnrolmentService {
 public:
  StoredEnrolmentService(DbPool& db, EnrolmentOptions options)
      : store_(db),
        options_(std::move(options)),
        authority_(read_certificate(options_.authority.certificate_pem).value()),
        secret_(challenge_secret(options_.authority)) {}

  Task<Result<NewClaim>> create_claim(ClaimOffer offer, std::string actor, Instant now) override {
    if (auto checked = check_claim(offer); !checked) co_return checked.error();
    NewClaim claim{0, random_token(), authority_.fingerprint.to_hex()};
    auto id = co_await store_.create_claim(std::move(offer), sha256_hex(claim.token), std::move(actor), now);
    if (!id) co_return id.error();
    claim.id = *id;
    co_return claim;
  }
  Task<Result<std::vector<Claim>>> list_claims() override { return store_.list_claims(); }
  Task<Result<void>> revoke_claim(std::int64_t id, std::string actor, Instant now) override {
    return store_.revoke_claim(id, std::move(actor), now);
  }

  Task<Result<Credentials>> enrol(EnrolmentRequest request, std::string address, Instant now) override {
    auto key = key_of(request.csr_pem, request.device);
    if (!key) co_return key.error();
    const DeviceId device = request.device;
    Issue issue = signer(request.csr_pem, now);
    std::string token_sha256 = sha256_hex(request.claim);
    EnrolmentOrder order{std::move(request), std::move(token_sha256), std::move(*key),
                         options_.way_back,  std::move(issue),        now,
                         good_until(now),    std::move(address)};
    ARGOSY_CO_TRY(auto certificate, co_await store_.enrol(std::move(order)));
    co_return credentials(device, std::move(certificate.pem));
  }

  Task<Result<Credentials>> renew(DeviceId device, std::string csr_pem, std::string address, Instant now) override {
    auto key = key_of(csr_pem, device);
    if (!key) co_return key.error();
    RenewalOrder order{device, std::move(*key), signer(csr_pem, now), good_until(now), std::move(address)};
    ARGOSY_CO_TRY(auto certificate, co_await store_.renew(std::move(order)));
    co_return credentials(device, std::move(certificate.pem));
  }

  std::string challenge(Instant now) override { return make_challenge(secret_.bytes, to_hex(secure_random(8)), now); }

  // What costs a stranger most and us least comes first.
  Task<Result<Credentials>> come_back(ReturnRequest request, std::string address, Instant now) override {
    ARGOSY_CO_CHECK(check_challenge(secret_.bytes, request.challenge, now));
    ARGOSY_CO_TRY(const CsrFacts csr, read_csr(request.csr_pem, request.device));
    if (csr.challenge != request.challenge)
      co_return field_error("csr", "does not hold the challenge as its challengePassword");
    const DeviceId device = request.device;
    RenewalOrder renewal{device, sha256_hex(csr.public_key_pem), signer(request.csr_pem, now), good_until(now),
                         std::move(address)};
    auto stored = store_.come_back(ReturnOrder{std::move(renewal), options_.way_back, now});
    ARGOSY_CO_TRY(auto certificate, co_await std::move(stored));
    co_return credentials(device, std::move(certificate.pem));
  }

  Task<Result<bool>> is_current(DeviceId device, Digest fingerprint) override {
    return store_.is_current(std::move(device), fingerprint.to_hex());
  }

 private:
  Issue signer(std::string csr_pem, Instant now) const {
    const Instant not_after = std::min(now + options_.certificate_life, authority_.not_after);
    return Signer{options_.authority, std::move(csr_pem), now - clock_tolerance, not_after};
  }
  // A certificate that is handed out a second time has at least half its life before it.
  Instant good_until(Instant now) const { return std::min(now + options_.certificate_life / 2, authority_.not_after); }
  Credentials credentials(DeviceId device, std::string pem) const {
    return {std::move(device), std::move(pem), options_.authority.certificate_pem, options_.mqtt_host,
            options_.mqtt_port};
  }

  EnrolmentStore store_;
  EnrolmentOptions options_;
  CertificateFacts authority_;
  Digest secret_;
};

}  // namespace

std::unique_ptr<EnrolmentService> create_enrolment_service(DbPool& db, EnrolmentOptions options) {
  return std::make_unique<StoredEnrolmentService>(db, std::move(options));
}

}  // namespace argosy::server
