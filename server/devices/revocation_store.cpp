#include "server/devices/revocation_store.hpp"

#include "server/db/rows.hpp"
#include "server/devices/ended_certificates_store.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

constexpr std::size_t revocations_counted_up_to = 1000;

const std::string select_ended = R"sql(
  select e.id, e.device_id, e.fingerprint, e.ended_at,
    e.reason = 'revoked' and not exists (
      select 1 from devices d where d.id = e.device_id and d.revoked_at is null
    ) as is_revoked
  from ended_certificates e
)sql";

std::vector<EndedCertificate> ended_of(const pqxx::result& rows) {
  std::vector<EndedCertificate> ended;
  for (const pqxx::row& row : rows)
    ended.push_back({row["id"].as<std::int64_t>(), row["device_id"].as<std::string>(),
                     row["fingerprint"].as<std::string>(), row["is_revoked"].as<bool>(),
                     row["ended_at"].as<Instant>()});
  return ended;
}

}  // namespace

std::vector<EndedCertificate> ListEndedAfter::operator()(pqxx::work& transaction) const {
  return ended_of(transaction.exec_params(select_ended + "where e.id > $1 order by e.id limit $2", id,
                                          static_cast<std::int64_t>(limit)));
}

Result<std::int64_t> WriteRevocationList::operator()(pqxx::work& transaction) const {
  const pqxx::result rows =
      transaction.exec("select id, serial, ended_at, not_after > now() as is_good from ended_certificates order by id");
  const auto serial = rows.column_number("serial");
  const auto ended_at = rows.column_number("ended_at");
  const auto is_good = rows.column_number("is_good");
  std::vector<Revocation> revoked;
  for (const pqxx::row& row : rows) {
    const bool named = !row[serial].is_null() && row[is_good].as<bool>();
    if (named) revoked.push_back({row[serial].as<std::string>(), row[ended_at].as<Instant>()});
  }
  ARGOSY_CHECK(keep(revoked));
  return rows.empty() ? 0 : rows.back()["id"].as<std::int64_t>();
}

std::vector<EndedCertificate> ListUnenforced::operator()(pqxx::work& transaction) const {
  return ended_of(
      transaction.exec_params(select_ended + "where e.enforced_at is null and e.id <= $1 order by e.id limit $2", id,
                              static_cast<std::int64_t>(limit)));
}

RevocationStatus ReadRevocationStatus::operator()(pqxx::work& transaction) const {
  const pqxx::row row = transaction.exec_params1(
      R"sql(
        select count(*), min(ended_at)
        from (select ended_at from ended_certificates where enforced_at is null order by id limit $1) as w
      )sql",
      static_cast<std::int64_t>(revocations_counted_up_to));
  return {row[0].as<std::size_t>(), optional_of<Instant>(row[1]), {}};
}

void EndExpired::operator()(pqxx::work& transaction) const {
  end_expired_certificates(transaction, now);
}

void MarkEnforced::operator()(pqxx::work& transaction) const {
  transaction.exec_params0("update ended_certificates set enforced_at = $2::timestamptz where id = $1", id, now);
}

void ClearAgain::operator()(pqxx::work& transaction) const {
  transaction.exec_params0(
      R"sql(
        update ended_certificates
        set enforced_at = null
        where reason = 'revoked' and ended_at > $1::timestamptz and enforced_at is not null
      )sql",
      revoked_since);
}

void ForgetEnded::operator()(pqxx::work& transaction) const {
  transaction.exec_params0(
      "delete from ended_certificates where not_after < $1::timestamptz and enforced_at is not null", before);
}

void WriteBrokerEvent::operator()(pqxx::work& transaction) const {
  append_event(transaction, {.kind = kind,
                             .severity = severity,
                             .device_id = std::nullopt,
                             .rollout_id = std::nullopt,
                             .model = std::nullopt,
                             .message = message});
}

}  // namespace argosy::server
