#include "server/devices/enrolment_store.hpp"

#include "server/db/rows.hpp"
#include "server/db/statement.hpp"
#include "server/devices/device_rows.hpp"
#include "server/devices/device_store.hpp"
#include "server/devices/ended_certificates_store.hpp"
#include "server/devices/replacement_store.hpp"
#include "server/devices/suggestion.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

using Json = nlohmann::json;

const std::string select_claim = R"sql(
  select id, hardware_class, labels, max_uses, uses, expires_at, created_by, created_at, revoked_at
  from claims
)sql";

Claim claim_of(const pqxx::row& row) {
  Claim claim;
  claim.id = row["id"].as<std::int64_t>();
  claim.hardware_class = optional_of<std::string>(row["hardware_class"]);
  claim.labels = labels_of(row["labels"]);
  claim.max_uses = row["max_uses"].as<int>();
  claim.uses = row["uses"].as<int>();
  claim.expires_at = row["expires_at"].as<Instant>();
  claim.created_by = row["created_by"].as<std::string>();
  claim.created_at = row["created_at"].as<Instant>();
  claim.revoked_at = optional_of<Instant>(row["revoked_at"]);
  return claim;
}

std::optional<KnownDevice> lock_device(pqxx::work& transaction, const DeviceId& device) {
  const pqxx::result rows = transaction.exec_params(
      R"sql(
        select coalesce(key_sha256, '') as key_sha256, certificate_not_after, revoked_at
        from devices
        where id = $1
        for update
      )sql",
      device.value());
  if (rows.empty()) return std::nullopt;
  return KnownDevice{rows[0]["key_sha256"].as<std::string>(), optional_of<Instant>(rows[0]["certificate_not_after"]),
                     optional_of<Instant>(rows[0]["revoked_at"])};
}

void write_down(pqxx::work& transaction, const std::string& device, const std::string& action, Json details,
                const std::string& address, const std::string& kind, const std::string& message) {
  if (!address.empty()) details["address"] = address;
  append_event(transaction, {.kind = kind,
                             .severity = "info",
                             .device_id = device,
                             .rollout_id = std::nullopt,
                             .model = std::nullopt,
                             .message = message,
                             .details_json = details.dump()});
  append_audit(transaction, "device:" + device, action, "device/" + device, details.dump());
}

// The certificate that was handed out last and not used yet, when it is for this key and lasts long enough: a lost
// answer is given again, and costs nothing.
std::optional<IssuedCertificate> handed_out(pqxx::work& transaction, const RenewalOrder& order) {
  const pqxx::result rows = transaction.exec_params(
      R"sql(
        select next_pem, next_fingerprint, next_serial, next_not_after
        from devices
        where id = $1 and key_sha256 = $2 and next_pem is not null and next_not_after >= $3::timestamptz
      )sql",
      order.device.value(), order.key_sha256, order.good_until);
  if (rows.empty()) return std::nullopt;
  return IssuedCertificate{rows[0]["next_pem"].as<std::string>(), rows[0]["next_fingerprint"].as<std::string>(),
                           rows[0]["next_serial"].as<std::string>(), rows[0]["next_not_after"].as<Instant>()};
}

// The next certificate of a device that is known and locked; the present one stays good until this one is used.
Result<IssuedCertificate> issue_next(pqxx::work& transaction, const RenewalOrder& order) {
  const std::string& id = order.device.value();
  if (auto again = handed_out(transaction, order)) return std::move(*again);
  if (count_ended_certificates(transaction, id) >= max_ended_certificates)
    return make_error(Errc::rate_limited,
                      "the device '" + id + "' has given up " + std::to_string(max_ended_certificates) +
                          " certificates before their time; it gets another one when they have expired");
  ARGOSY_TRY(IssuedCertificate certificate, order.issue(order.device));
  end_unused_certificate(transaction, id);
  transaction.exec_params0(
      R"sql(
        update devices
        set key_sha256 = $2, next_fingerprint = $3, next_serial = $4, next_not_after = $5::timestamptz,
          next_pem = $6, certificate_not_after = $5::timestamptz
        where id = $1
      )sql",
      id, order.key_sha256, certificate.fingerprint, certificate.serial, certificate.not_after, certificate.pem);
  write_down(transaction, id, "device.renew", Json{{"not_after", to_rfc3339(certificate.not_after)}}, order.address,
             "device.renewed", id + " has a new certificate until " + to_rfc3339(certificate.not_after));
  return certificate;
}

}  // namespace

std::int64_t CreateClaim::operator()(pqxx::work& transaction) const {
  const Instant expires_at = now + std::chrono::seconds(offer.expires_in_s);
  const pqxx::row made = transaction.exec_params1(
      R"sql(
        insert into claims (token_hash, hardware_class, labels, max_uses, expires_at, created_by, created_at)
        values (decode($1, 'hex'), $2, $3::jsonb, $4, $5::timestamptz, $6, $7::timestamptz)
        returning id
      )sql",
      token_sha256, offer.hardware_class, labels_json(offer.labels), offer.max_uses, expires_at, actor, now);
  const auto id = made[0].as<std::int64_t>();
  const Json details = {{"max_uses", offer.max_uses}, {"expires_at", to_rfc3339(expires_at)}};
  append_audit(transaction, actor, "claim.create", "claim/" + std::to_string(id), details.dump());
  return id;
}

std::vector<Claim> ListClaims::operator()(pqxx::work& transaction) const {
  std::vector<Claim> claims;
  for (const pqxx::row& row : transaction.exec(select_claim + "order by id desc limit 500"))
    claims.push_back(claim_of(row));
  return claims;
}

Result<void> RevokeClaim::operator()(pqxx::work& transaction) const {
  const pqxx::result rows =
      transaction.exec_params("select revoked_at is not null from claims where id = $1 for update", id);
  if (rows.empty()) return make_error(Errc::not_found, "there is no claim " + std::to_string(id));
  if (rows[0][0].as<bool>()) return {};
  transaction.exec_params0("update claims set revoked_at = $2::timestamptz where id = $1", id, now);
  append_audit(transaction, actor, "claim.revoke", "claim/" + std::to_string(id));
  return {};
}

Result<Admission> EnrolDevice::operator()(pqxx::work& transaction) const {
  const std::optional<Claim> claim = lock_claim(transaction);
  const DeviceId& device = order.request.device;
  const std::optional<KnownDevice> known = lock_device(transaction, device);
  const KeyFacts key{order.key_sha256, is_refused_key(transaction, order.key_sha256)};
  ARGOSY_TRY(const Enrolment enrolment, decide_enrolment(claim, known, device.value(), key, order.way_back, order.now));
  switch (enrolment) {
    case Enrolment::again:
      return hand_out_again(transaction);
    case Enrolment::taken:
      return ask_for_place(transaction, *claim);
    case Enrolment::fresh:
      break;
  }
  return enrol(transaction, *claim, std::nullopt);
}

std::optional<Claim> EnrolDevice::lock_claim(pqxx::work& transaction) const {
  const pqxx::result rows =
      transaction.exec_params(select_claim + "where token_hash = decode($1, 'hex') for update", order.token_sha256);
  if (rows.empty()) return std::nullopt;
  return claim_of(rows[0]);
}

Result<Admission> EnrolDevice::hand_out_again(pqxx::work& transaction) const {
  const std::string& id = order.request.device.value();
  transaction.exec_params0("update device_state set session_nonce = 0 where device_id = $1", id);
  const RenewalOrder next{order.request.device, order.key_sha256, order.issue, order.good_until, order.address};
  ARGOSY_TRY(IssuedCertificate certificate, issue_next(transaction, next));
  return Admission{std::move(certificate), {}};
}

Result<Admission> EnrolDevice::ask_for_place(pqxx::work& transaction, const Claim& claim) const {
  const EnrolmentRequest& request = order.request;
  const auto standing = read_replacement(transaction, request.device);
  const int asked = count_asked_by(transaction, claim.id, request.device, order.now);
  ARGOSY_TRY(const Asking asking, decide_asking(standing, request, order.key_sha256, claim, asked, order.now));
  if (asking == Asking::let_in) return take_place(transaction, claim, standing->settled_by);
  if (asking == Asking::first) {
    Replacement made;
    made.device = request.device;
    made.key_sha256 = order.key_sha256;
    made.hardware_class = request.hardware_class;
    made.board = request.board;
    made.address = order.address;
    made.claim = claim.id;
    made.asked_at = made.last_asked_at = order.now;
    note_first_asking(transaction, made);
  } else {
    note_asking_again(transaction, request.device, order.now);
  }
  return Admission{std::nullopt, wait_for_operator(request.device)};
}

// The old board is locked out in the moment in which the new one is let in. Labels are the place's, not the board's.
Result<Admission> EnrolDevice::take_place(pqxx::work& transaction, const Claim& claim,
                                          const std::string& accepted_by) const {
  const DeviceId& device = order.request.device;
  const Labels kept =
      labels_of(transaction.exec_params1("select labels from devices where id = $1", device.value())[0]);
  const RevokeDevice lock_out{device, accepted_by, order.now};
  ARGOSY_CHECK(lock_out(transaction));
  return enrol(transaction, claim, kept);
}

Result<Admission> EnrolDevice::enrol(pqxx::work& transaction, const Claim& claim,
                                     const std::optional<Labels>& kept) const {
  const std::string& id = order.request.device.value();
  ARGOSY_TRY(IssuedCertificate certificate, order.issue(order.request.device));
  const std::string hardware_class = claim.hardware_class.value_or(order.request.hardware_class);
  Labels labels = kept.value_or(order.request.labels);
  for (const auto& [key, value] : claim.labels) labels.insert_or_assign(key, value);

  transaction.exec_params0("update claims set uses = uses + 1 where id = $1", claim.id);
  write_device(transaction, hardware_class, labels, kept.has_value(), certificate);
  forget_replacement(transaction, order.request.device);
  transaction.exec_params0("delete from device_state where device_id = $1", id);
  transaction.exec_params0("delete from device_models where device_id = $1", id);
  transaction.exec_params0("insert into device_state (device_id, presence_since) values ($1, $2::timestamptz)", id,
                           order.now);
  write_down(transaction, id, "device.enrol", Json{{"claim", claim.id}, {"hardware_class", hardware_class}},
             order.address, "device.enrolled",
             id + " enrolled with claim " + std::to_string(claim.id) + (kept ? ", in the place of another board" : ""));
  return Admission{std::move(certificate), {}};
}

// What the broker kept for one of that name was cleared when it was revoked: it is due again. Where it keeps a place,
// what its file says otherwise than the old board's is a suggestion.
void EnrolDevice::write_device(pqxx::work& transaction, const std::string& hardware_class, const Labels& labels,
                               bool keeps_place, const IssuedCertificate& certificate) const {
  const std::string& id = order.request.device.value();
  end_unused_certificate(transaction, id);
  transaction.exec_params0(
      R"sql(
        insert into devices (id, hardware_class, labels, key_sha256, certificate_fingerprint,
          certificate_serial, certificate_not_after, present_not_after, enrolled_at, declared)
        values ($1, $2, $3::jsonb, $4, $5, $6, $7::timestamptz, $7::timestamptz, $8::timestamptz, $9::jsonb)
        on conflict (id) do update set hardware_class = excluded.hardware_class, labels = excluded.labels,
          declared = case when $10 then coalesce(devices.declared, excluded.declared) else excluded.declared end,
          suggested = null,
          capabilities = '{}', key_sha256 = excluded.key_sha256,
          certificate_fingerprint = excluded.certificate_fingerprint,
          certificate_serial = excluded.certificate_serial, present_not_after = excluded.present_not_after,
          next_fingerprint = null, next_serial = null, next_not_after = null, next_pem = null,
          certificate_not_after = excluded.certificate_not_after, enrolled_at = excluded.enrolled_at,
          revoked_at = null
      )sql",
      id, hardware_class, labels_json(labels), order.key_sha256, certificate.fingerprint, certificate.serial,
      certificate.not_after, order.now, encode(Declaration{order.request.hardware_class, order.request.labels}),
      keeps_place);
  const bool was_told = !transaction.exec_params("select 1 from devices where id = $1 and desired_rev > 0", id).empty();
  if (was_told) touch_desired(transaction, {id});
}

Result<IssuedCertificate> RenewDevice::operator()(pqxx::work& transaction) const {
  const std::string& id = order.device.value();
  const std::optional<KnownDevice> known = lock_device(transaction, order.device);
  if (!known || known->revoked_at)
    return make_error(Errc::forbidden, "the device '" + id + "' is not enrolled, or was revoked");
  if (is_refused_key(transaction, order.key_sha256))
    return make_error(Errc::forbidden, "a device was revoked with this key; '" + id + "' needs a new one");
  return issue_next(transaction, order);
}

Result<IssuedCertificate> ReturnDevice::operator()(pqxx::work& transaction) const {
  const RenewalOrder& renewal = order.renewal;
  const std::optional<KnownDevice> known = lock_device(transaction, renewal.device);
  const KeyFacts key{renewal.key_sha256, is_refused_key(transaction, renewal.key_sha256)};
  ARGOSY_CHECK(decide_return(known, renewal.device.value(), key, order.way_back, order.now));
  return issue_next(transaction, renewal);
}

bool IsCurrentCertificate::operator()(pqxx::work& transaction) const {
  static const Statement is_current{"is_current", R"sql(
    select coalesce(certificate_fingerprint = $2, false) as is_present,
      coalesce(next_fingerprint = $2, false) as is_next
    from devices
    where id = $1 and revoked_at is null
  )sql"};
  const pqxx::result rows = exec_prepared(transaction, is_current, device.value(), fingerprint);
  if (rows.empty()) return false;
  const bool first_use_of_next = rows[0]["is_next"].as<bool>();
  if (!first_use_of_next) return rows[0]["is_present"].as<bool>();
  return take_up_next(transaction);
}

// Of two first uses at once one does it.
bool IsCurrentCertificate::take_up_next(pqxx::work& transaction) const {
  const pqxx::result still_next = transaction.exec_params(
      "select 1 from devices where id = $1 and next_fingerprint = $2 and revoked_at is null for update", device.value(),
      fingerprint);
  if (still_next.empty()) return is_present(transaction);
  end_replaced_certificate(transaction, device.value());
  transaction.exec_params0(
      R"sql(
        update devices
        set certificate_fingerprint = next_fingerprint, certificate_serial = next_serial,
          present_not_after = next_not_after, next_fingerprint = null, next_serial = null,
          next_not_after = null, next_pem = null
        where id = $1
      )sql",
      device.value());
  return true;
}

bool IsCurrentCertificate::is_present(pqxx::work& transaction) const {
  return !transaction
              .exec_params(
                  "select 1 from devices where id = $1 and certificate_fingerprint = $2 and revoked_at is null",
                  device.value(), fingerprint)
              .empty();
}

}  // namespace argosy::server
