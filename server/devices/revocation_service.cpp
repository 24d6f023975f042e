#include "server/devices/revocation_service.hpp"

#include <chrono>

#include "common/base/file.hpp"
#include "common/base/random.hpp"
#include "common/crypto/keys.hpp"
#include "server/base/metrics.hpp"
#include "server/db/db_pool.hpp"
#include "server/devices/enrolment.hpp"
#include "server/devices/revocation_store.hpp"

namespace argosy::server {

namespace {

constexpr std::size_t ended_at_once = 1000;
constexpr std::size_t enforced_at_once = 50;
constexpr std::chrono::minutes visit_life{10};
constexpr std::chrono::minutes broker_clock_tolerance{10};  // the broker's may lag behind ours
constexpr std::chrono::hours broker_memory{24};  // how long ago a clearing may be that the broker has forgotten
constexpr std::chrono::seconds expiry_interval{10};
constexpr std::chrono::hours forget_interval{1};
constexpr std::chrono::hours keep_after_expiry{24};

// Good for as long as its authority: a list that ran out would shut everybody out.
Result<std::string> revocation_list(const CertificateAndKey& authority, const std::vector<Revocation>& revoked,
                                    Instant now) {
  ARGOSY_TRY(const CertificateFacts facts, read_certificate(authority.certificate_pem));
  return make_revocation_list(authority, revoked, static_cast<std::uint64_t>(to_ms(now)),
                              {now - broker_clock_tolerance, facts.not_after});
}

struct WriteListFile {
  CertificateAndKey authority;
  std::filesystem::path file;
  std::string probe_serial;
  Instant now;

  Result<void> operator()(const std::vector<Revocation>& revoked) const {
    std::vector<Revocation> all = revoked;
    all.push_back({probe_serial, now});
    ARGOSY_TRY(const std::string list, revocation_list(authority, all, now));
    return write_file_atomically(file, list, 0644);
  }
};

std::string new_serial() {
  Bytes bytes = secure_random(16);
  bytes[0] = static_cast<std::uint8_t>((bytes[0] & 0x3f) | 0x40);  // positive, and never shorter than the rest
  return to_hex(bytes);
}

}  // namespace

RevocationService::RevocationService(DbPool& db, RevocationOptions options, BrokerDoor broker)
    : db_(db), options_(std::move(options)), broker_(std::move(broker)), key_(make_private_key().value()) {}

Task<Result<void>> RevocationService::tick(Instant now, bool leading) {
  const Result<void> listed = co_await keep_list(now);
  if (!leading) {
    settled_ = false;  // whoever leads next looks for itself
    status_ = {};
    co_return listed;
  }
  if (!listed) {
    ARGOSY_CO_CHECK(co_await tell(listed.error().message, now));
    co_return listed;
  }
  ARGOSY_CO_CHECK(co_await keep_up(now));
  if (settled_ && !broker_forgot_) co_return Result<void>{};
  const auto enforced = co_await enforce(now);
  const std::string reason = enforced ? "" : enforced.error().message;
  ARGOSY_CO_CHECK(co_await tell(reason, now));
  settled_ = status_.waiting == 0;
  if (!enforced && takes_too_long(status_, now)) co_return enforced;  // until then it is under way
  co_return Result<void>{};
}

Task<Result<void>> RevocationService::keep_list(Instant now) {
  if (listed_) {
    ARGOSY_CO_TRY(const auto ended, co_await db_.transact<ListEndedAfter>(heard_, ended_at_once));
    for (const EndedCertificate& certificate : ended) {
      for (const auto& hear : hear_) hear(certificate);
      heard_ = certificate.id;
      settled_ = false;
    }
    if (heard_ <= *listed_) co_return Result<void>{};
  }
  std::string serial = new_serial();
  WriteListFile write{options_.authority, options_.list_file, serial, now};
  ARGOSY_CO_TRY(const std::int64_t last, co_await db_.transact<WriteRevocationList>(std::move(write)));
  if (!listed_) heard_ = last;
  listed_ = last;
  probe_serial_ = std::move(serial);
  in_effect_ = false;
  co_return Result<void>{};
}

Task<Result<void>> RevocationService::enforce(Instant now) {
  if (broker_forgot_) {
    ARGOSY_CO_CHECK(co_await db_.transact<ClearAgain>(now - broker_memory));
    broker_forgot_ = false;
  }
  ARGOSY_CO_TRY(const auto waiting, co_await db_.transact<ListUnenforced>(*listed_, enforced_at_once));
  if (waiting.empty()) co_return Result<void>{};
  if (broker_.visit) {
    ARGOSY_CO_CHECK(co_await prove(now));
  }
  for (const EndedCertificate& certificate : waiting) {
    if (broker_.visit) {
      ARGOSY_CO_CHECK(co_await end_at_broker(certificate, now));
    }
    ARGOSY_CO_CHECK(co_await db_.transact<MarkEnforced>(certificate.id, now));
  }
  co_return Result<void>{};
}

Task<Result<void>> RevocationService::prove(Instant now) {
  if (in_effect_) co_return Result<void>{};
  ARGOSY_CO_TRY(const bool let_in, co_await visit(std::string(probe_identity), probe_serial_, now));
  if (let_in)
    co_return make_error(Errc::unavailable,
                         "the broker still takes certificates that " + options_.list_file.string() +
                             " names: it must have crlfile set to that file, and be reloaded when it changes "
                             "(argosy-revocations.path)");
  in_effect_ = true;
  co_return Result<void>{};
}

Task<Result<void>> RevocationService::end_at_broker(const EndedCertificate& certificate, Instant now) {
  ARGOSY_CO_TRY(const bool let_in, co_await visit(certificate.device, new_serial(), now));
  if (!let_in)
    co_return make_error(Errc::unavailable, "the broker turns away a good certificate of this fleet's authority");
  if (!certificate.clear_traces) co_return Result<void>{};
  for (const std::string& topic : topics_of(certificate.device)) {
    ARGOSY_CO_CHECK(co_await broker_.publish(topic, ""));
  }
  co_return Result<void>{};
}

Task<Result<bool>> RevocationService::visit(std::string name, std::string serial, Instant now) {
  CertificateAndKey identity;
  identity.private_key_pem = key_;
  ARGOSY_CO_TRY(const std::string request, make_csr(key_, name));
  const ClientCertificateOptions certificate{name, {now - visit_life, now + visit_life}, std::move(serial)};
  ARGOSY_CO_TRY(identity.certificate_pem, issue_client_certificate(options_.authority, request, certificate));
  co_return co_await broker_.visit(std::move(name), std::move(identity));
}

Task<Result<void>> RevocationService::tell(std::string reason, Instant now) {
  ARGOSY_CO_TRY(status_, co_await db_.transact<ReadRevocationStatus>());
  status_.reason = std::move(reason);
  const bool too_long = takes_too_long(status_, now) && !status_.reason.empty();
  if (too_long == told_) co_return Result<void>{};
  if (!too_long && status_.waiting > 0) co_return Result<void>{};
  if (too_long) {
    ARGOSY_CO_CHECK(co_await db_.transact<WriteBrokerEvent>("broker.revocation_late", "critical",
                                                            "the MQTT broker may still take " +
                                                                std::to_string(status_.waiting) +
                                                                " certificates that have ended: " + status_.reason));
  } else {
    ARGOSY_CO_CHECK(co_await db_.transact<WriteBrokerEvent>(
        "broker.revocation_done", "info", "the MQTT broker refuses every certificate that has ended"));
  }
  told_ = too_long;
  co_return Result<void>{};
}

Task<Result<void>> RevocationService::keep_up(Instant now) {
  if (now - expired_at_ >= expiry_interval) {
    ARGOSY_CO_CHECK(co_await db_.transact<EndExpired>(now));
    expired_at_ = now;
  }
  if (now - forgot_at_ < forget_interval) co_return Result<void>{};
  ARGOSY_CO_CHECK(co_await db_.transact<ForgetEnded>(now - keep_after_expiry));
  forgot_at_ = now;
  co_return Result<void>{};
}

void add_metrics(Metrics& metrics, const RevocationService& revocation) {
  metrics.sampled_gauge("argosy_revocations_waiting", "Certificates that ended and that the broker may still take",
                        [&revocation] { return revocation.status().waiting; });
  metrics.sampled_gauge("argosy_revocations_waiting_seconds",
                        "How long the broker may already have taken a certificate that ended", [&revocation] {
                          const auto since = revocation.status().since;
                          return since ? std::chrono::duration<double>(wall_clock_now() - *since).count() : 0.0;
                        });
}

}  // namespace argosy::server
