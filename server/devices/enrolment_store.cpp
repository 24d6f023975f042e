#include "server/devices/enrolment_store.hpp"

#include "server/db/db_pool.hpp"
#include "server/devices/device_rows.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

using Json = nlohmann::json;

const std::string& select_claim() {
  static const std::string sql = "select id, hardware_class, labels::text as labels, max_uses, uses, " +
                                 ms_of("expires_at") + " as expires_at, created_by, " + ms_of("created_at") +
                                 " as created_at, " + ms_of("revoked_at") + " as revoked_at from claims ";
  return sql;
}

Claim claim_of(const pqxx::row& row) {
  Claim claim;
  claim.id = row["id"].as<std::int64_t>();
  if (!row["hardware_class"].is_null()) claim.hardware_class = row["hardware_class"].as<std::string>();
  claim.labels = labels_of(row["labels"]);
  claim.max_uses = row["max_uses"].as<int>();
  claim.uses = row["uses"].as<int>();
  claim.expires_at = instant(row["expires_at"]);
  claim.created_by = row["created_by"].as<std::string>();
  claim.created_at = instant(row["created_at"]);
  claim.revoked_at = optional_instant(row["revoked_at"]);
  return claim;
}

struct CreateClaim {
  ClaimOffer offer;
  std::string token_sha256;
  std::string actor;
  Instant now;

  std::int64_t operator()(pqxx::work& transaction) const {
    const Instant expires_at = now + std::chrono::seconds(offer.expires_in_s);
    const auto id = transaction
                        .exec_params1(
                            "insert into claims (token_hash, hardware_class, labels, max_uses, expires_at, created_by, "
                            "created_at) values (decode($1, 'hex'), $2, $3::jsonb, $4, $5::timestamptz, $6, "
                            "$7::timestamptz) returning id",
                            token_sha256, offer.hardware_class, labels_json(offer.labels), offer.max_uses,
                            to_rfc3339(expires_at), actor, to_rfc3339(now))[0]
                        .as<std::int64_t>();
    const Json details = {{"max_uses", offer.max_uses}, {"expires_at", to_rfc3339(expires_at)}};
    append_audit(transaction, actor, "claim.create", "claim/" + std::to_string(id), details.dump());
    return id;
  }
};

struct ListClaims {
  std::vector<Claim> operator()(pqxx::work& transaction) const {
    std::vector<Claim> claims;
    for (const pqxx::row& row : transaction.exec(select_claim() + "order by id desc limit 500"))
      claims.push_back(claim_of(row));
    return claims;
  }
};

struct RevokeClaim {
  std::int64_t id;
  std::string actor;
  Instant now;

  Result<void> operator()(pqxx::work& transaction) const {
    const pqxx::result rows =
        transaction.exec_params("select revoked_at is not null from claims where id = $1 for update", id);
    if (rows.empty()) return make_error(Errc::not_found, "there is no claim " + std::to_string(id));
    if (rows[0][0].as<bool>()) return {};
    transaction.exec_params0("update claims set revoked_at = $2::timestamptz where id = $1", id, to_rfc3339(now));
    append_audit(transaction, actor, "claim.revoke", "claim/" + std::to_string(id));
    return {};
  }
};

struct EnrolDevice {
  EnrolmentOrder order;

  Result<IssuedCertificate> operator()(pqxx::work& transaction) const {
    const std::optional<Claim> claim = lock_claim(transaction);
    const std::optional<KnownDevice> known = lock_device(transaction);
    const DeviceId& device = order.request.device;
    ARGOSY_TRY(const Enrolment enrolment,
               decide_enrolment(claim, known, device.value(), order.key_sha256, order.way_back, order.now));
    ARGOSY_TRY(IssuedCertificate certificate, order.issue(device));
    if (enrolment == Enrolment::again) {
      hand_out_again(transaction, certificate);
    } else {
      enrol(transaction, *claim, certificate);
    }
    return certificate;
  }

 private:
  std::optional<Claim> lock_claim(pqxx::work& transaction) const {
    const pqxx::result rows =
        transaction.exec_params(select_claim() + "where token_hash = decode($1, 'hex') for update", order.token_sha256);
    if (rows.empty()) return std::nullopt;
    return claim_of(rows[0]);
  }

  std::optional<KnownDevice> lock_device(pqxx::work& transaction) const {
    const pqxx::result rows =
        transaction.exec_params("select coalesce(key_sha256, ''), " + ms_of("certificate_not_after") + ", " +
                                    ms_of("revoked_at") + " from devices where id = $1 for update",
                                order.request.device.value());
    if (rows.empty()) return std::nullopt;
    return KnownDevice{rows[0][0].as<std::string>(), optional_instant(rows[0][1]), optional_instant(rows[0][2])};
  }

  // Its last answer may have been lost, or not: the certificate that it has stays good until this one is used.
  void hand_out_again(pqxx::work& transaction, const IssuedCertificate& certificate) const {
    const std::string& id = order.request.device.value();
    transaction.exec_params0(
        "update devices set next_fingerprint = $2, certificate_not_after = $3::timestamptz where id = $1", id,
        certificate.fingerprint, to_rfc3339(certificate.not_after));
    transaction.exec_params0("update device_state set session_nonce = 0 where device_id = $1", id);
  }

  void enrol(pqxx::work& transaction, const Claim& claim, const IssuedCertificate& certificate) const {
    const std::string& id = order.request.device.value();
    const std::string hardware_class = claim.hardware_class.value_or(order.request.hardware_class);
    Labels labels = order.request.labels;
    for (const auto& [key, value] : claim.labels) labels.insert_or_assign(key, value);

    transaction.exec_params0("update claims set uses = uses + 1 where id = $1", claim.id);
    transaction.exec_params0(
        "insert into devices (id, hardware_class, labels, key_sha256, certificate_fingerprint, certificate_not_after, "
        "enrolled_at) values ($1, $2, $3::jsonb, $4, $5, $6::timestamptz, $7::timestamptz) "
        "on conflict (id) do update set hardware_class = excluded.hardware_class, labels = excluded.labels, "
        "capabilities = '{}', key_sha256 = excluded.key_sha256, "
        "certificate_fingerprint = excluded.certificate_fingerprint, next_fingerprint = null, "
        "certificate_not_after = excluded.certificate_not_after, enrolled_at = excluded.enrolled_at, revoked_at = null",
        id, hardware_class, labels_json(labels), order.key_sha256, certificate.fingerprint,
        to_rfc3339(certificate.not_after), to_rfc3339(order.now));
    transaction.exec_params0("delete from device_state where device_id = $1", id);
    transaction.exec_params0("delete from device_models where device_id = $1", id);
    transaction.exec_params0("insert into device_state (device_id, presence_since) values ($1, $2::timestamptz)", id,
                             to_rfc3339(order.now));
    append_event(transaction, {.kind = "device.enrolled",
                               .severity = "info",
                               .device_id = id,
                               .rollout_id = std::nullopt,
                               .model = std::nullopt,
                               .message = id + " enrolled with claim " + std::to_string(claim.id),
                               .details_json = Json{{"claim", claim.id}, {"hardware_class", hardware_class}}.dump()});
    append_audit(transaction, "device:" + id, "device.enrol", "device/" + id, Json{{"claim", claim.id}}.dump());
  }
};

struct RenewDevice {
  RenewalOrder order;

  Result<IssuedCertificate> operator()(pqxx::work& transaction) const {
    const std::string& id = order.device.value();
    const pqxx::result rows =
        transaction.exec_params("select revoked_at is not null from devices where id = $1 for update", id);
    if (rows.empty() || rows[0][0].as<bool>())
      return make_error(Errc::forbidden, "the device '" + id + "' is not enrolled, or was revoked");
    ARGOSY_TRY(IssuedCertificate certificate, order.issue(order.device));
    transaction.exec_params0(
        "update devices set key_sha256 = $2, next_fingerprint = $3, certificate_not_after = $4::timestamptz "
        "where id = $1",
        id, order.key_sha256, certificate.fingerprint, to_rfc3339(certificate.not_after));
    return certificate;
  }
};

struct IsCurrent {
  DeviceId device;
  std::string fingerprint;

  bool operator()(pqxx::work& transaction) const {
    const pqxx::result rows = transaction.exec_params(
        "select coalesce(certificate_fingerprint = $2, false), coalesce(next_fingerprint = $2, false) from devices "
        "where id = $1 and revoked_at is null",
        device.value(), fingerprint);
    if (rows.empty()) return false;
    const bool first_use_of_next = rows[0][1].as<bool>();
    if (first_use_of_next)
      transaction.exec_params0(
          "update devices set certificate_fingerprint = $2, next_fingerprint = null "
          "where id = $1 and next_fingerprint = $2",
          device.value(), fingerprint);
    return first_use_of_next || rows[0][0].as<bool>();
  }
};

}  // namespace

Task<Result<std::int64_t>> EnrolmentStore::create_claim(ClaimOffer offer, std::string token_sha256, std::string actor,
                                                        Instant now) {
  auto work = db_.transact(CreateClaim{std::move(offer), std::move(token_sha256), std::move(actor), now});
  co_return co_await std::move(work);
}

Task<Result<std::vector<Claim>>> EnrolmentStore::list_claims() {
  auto work = db_.transact(ListClaims{});
  co_return co_await std::move(work);
}

Task<Result<void>> EnrolmentStore::revoke_claim(std::int64_t id, std::string actor, Instant now) {
  auto work = db_.transact(RevokeClaim{id, std::move(actor), now});
  co_return co_await std::move(work);
}

Task<Result<IssuedCertificate>> EnrolmentStore::enrol(EnrolmentOrder order) {
  auto work = db_.transact(EnrolDevice{std::move(order)});
  co_return co_await std::move(work);
}

Task<Result<IssuedCertificate>> EnrolmentStore::renew(RenewalOrder order) {
  auto work = db_.transact(RenewDevice{std::move(order)});
  co_return co_await std::move(work);
}

Task<Result<bool>> EnrolmentStore::is_current(DeviceId device, std::string fingerprint) {
  auto work = db_.transact(IsCurrent{std::move(device), std::move(fingerprint)});
  co_return co_await std::move(work);
}

}  // namespace argosy::server
