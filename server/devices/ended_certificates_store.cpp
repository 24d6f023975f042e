#include "server/devices/ended_certificates_store.hpp"

#include "server/db/rows.hpp"

namespace argosy::server {

namespace {

constexpr const char* replaced = "replaced";
constexpr const char* revoked = "revoked";

// Ids are given in the order of commits, so that nobody who has seen one still has to expect a smaller one.
void take_turn(pqxx::work& transaction) {
  transaction.exec0("lock table ended_certificates in share row exclusive mode");
}

void end_present(pqxx::work& transaction, const std::string& device, const char* reason) {
  transaction.exec_params0(
      R"sql(
        insert into ended_certificates (device_id, serial, fingerprint, reason, not_after)
        select id, certificate_serial, certificate_fingerprint, $2,
          coalesce(present_not_after, certificate_not_after, now())
        from devices
        where id = $1 and certificate_fingerprint is not null
      )sql",
      device, reason);
}

void end_next(pqxx::work& transaction, const std::string& device, const char* reason) {
  transaction.exec_params0(
      R"sql(
        insert into ended_certificates (device_id, serial, fingerprint, reason, not_after)
        select id, next_serial, next_fingerprint, $2, coalesce(next_not_after, certificate_not_after, now())
        from devices
        where id = $1 and next_fingerprint is not null
      )sql",
      device, reason);
}

}  // namespace

void end_replaced_certificate(pqxx::work& transaction, const std::string& device) {
  take_turn(transaction);
  end_present(transaction, device, replaced);
}

void end_unused_certificate(pqxx::work& transaction, const std::string& device) {
  const pqxx::result unused = transaction.exec_params(
      "select 1 from devices where id = $1 and next_fingerprint is not null for update", device);
  if (unused.empty()) return;
  take_turn(transaction);
  end_next(transaction, device, replaced);
}

void end_all_certificates(pqxx::work& transaction, const std::string& device) {
  take_turn(transaction);
  end_present(transaction, device, revoked);
  end_next(transaction, device, revoked);
  transaction.exec_params0(
      R"sql(
        insert into refused_keys (key_sha256, device_id)
        select key_sha256, id
        from devices
        where id = $1 and key_sha256 is not null
        on conflict (key_sha256) do nothing
      )sql",
      device);
}

void end_expired_certificates(pqxx::work& transaction, Instant now) {
  const std::string expired =
      R"sql(
        from devices d
        where d.revoked_at is null
          and d.present_not_after <= $1::timestamptz
          and d.present_not_after > $1::timestamptz - interval '1 hour'
          and not exists (
            select 1
            from ended_certificates e
            where e.device_id = d.id and e.fingerprint = d.certificate_fingerprint
          )
      )sql";
  if (transaction.exec_params("select 1 " + expired + " limit 1", now).empty()) return;
  take_turn(transaction);
  transaction.exec_params0(
      R"sql(
        insert into ended_certificates (device_id, serial, fingerprint, reason, not_after)
        select d.id, d.certificate_serial, d.certificate_fingerprint, 'expired', d.present_not_after
      )sql" +
          expired + " order by d.present_not_after limit 1000",
      now);
}

bool is_refused_key(pqxx::work& transaction, const std::string& key_sha256) {
  return !transaction.exec_params("select 1 from refused_keys where key_sha256 = $1", key_sha256).empty();
}

int count_ended_certificates(pqxx::work& transaction, const std::string& device) {
  return transaction
      .exec_params1("select count(*) from ended_certificates where device_id = $1 and not_after > now()", device)[0]
      .as<int>();
}

}  // namespace argosy::server
