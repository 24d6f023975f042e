#include "server/devices/revocation_store.hpp"

#include "server/db/db_pool.hpp"
#include "server/db/rows.hpp"
#include "server/devices/ended_certificates_store.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

constexpr std::size_t counted_up_to = 1000;

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

struct EndedAfter {
  std::int64_t id;
  std::size_t limit;
  std::vector<EndedCertificate> operator()(pqxx::work& transaction) const {
    return ended_of(transaction.exec_params(select_ended + "where e.id > $1 order by e.id limit $2", id,
                                            static_cast<std::int64_t>(limit)));
  }
};

struct WriteList {
  RevocationStore::KeepList keep;
  Result<std::int64_t> operator()(pqxx::work& transaction) const {
    const pqxx::result rows = transaction.exec(
        "select id, serial, ended_at, not_after > now() as is_good from ended_certificates order by id");
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
};

struct Waiting {
  std::int64_t id;
  std::size_t limit;
  std::vector<EndedCertificate> operator()(pqxx::work& transaction) const {
    return ended_of(
        transaction.exec_params(select_ended + "where e.enforced_at is null and e.id <= $1 order by e.id limit $2", id,
                                static_cast<std::int64_t>(limit)));
  }
};

struct ReadStatus {
  RevocationStatus operator()(pqxx::work& transaction) const {
    const pqxx::row row = transaction.exec_params1(
        R"sql(
          select count(*), min(ended_at)
          from (select ended_at from ended_certificates where enforced_at is null order by id limit $1) as w
        )sql",
        static_cast<std::int64_t>(counted_up_to));
    return {row[0].as<std::size_t>(), optional_of<Instant>(row[1]), {}};
  }
};

struct EndExpired {
  Instant now;
  void operator()(pqxx::work& transaction) const { end_expired_certificates(transaction, now); }
};

struct MarkEnforced {
  std::int64_t id;
  Instant now;
  void operator()(pqxx::work& transaction) const {
    transaction.exec_params0("update ended_certificates set enforced_at = $2::timestamptz where id = $1", id, now);
  }
};

struct ClearAgain {
  Instant revoked_since;
  void operator()(pqxx::work& transaction) const {
    transaction.exec_params0(
        R"sql(
          update ended_certificates
          set enforced_at = null
          where reason = 'revoked' and ended_at > $1::timestamptz and enforced_at is not null
        )sql",
        revoked_since);
  }
};

struct Forget {
  Instant before;
  void operator()(pqxx::work& transaction) const {
    transaction.exec_params0(
        "delete from ended_certificates where not_after < $1::timestamptz and enforced_at is not null", before);
  }
};

struct WriteDown {
  std::string kind;
  std::string severity;
  std::string message;
  void operator()(pqxx::work& transaction) const {
    append_event(transaction, {.kind = kind,
                               .severity = severity,
                               .device_id = std::nullopt,
                               .rollout_id = std::nullopt,
                               .model = std::nullopt,
                               .message = message});
  }
};

}  // namespace

Task<Result<std::vector<EndedCertificate>>> RevocationStore::ended_after(std::int64_t id, std::size_t limit) {
  co_return co_await db_.transact<EndedAfter>(id, limit);
}

Task<Result<std::int64_t>> RevocationStore::write_list(KeepList keep) {
  co_return co_await db_.transact<WriteList>(std::move(keep));
}

Task<Result<std::vector<EndedCertificate>>> RevocationStore::waiting(std::int64_t id, std::size_t limit) {
  co_return co_await db_.transact<Waiting>(id, limit);
}

Task<Result<RevocationStatus>> RevocationStore::status() {
  co_return co_await db_.transact<ReadStatus>();
}

Task<Result<void>> RevocationStore::end_expired(Instant now) {
  co_return co_await db_.transact<EndExpired>(now);
}

Task<Result<void>> RevocationStore::mark_enforced(std::int64_t id, Instant now) {
  co_return co_await db_.transact<MarkEnforced>(id, now);
}

Task<Result<void>> RevocationStore::clear_again(Instant revoked_since) {
  co_return co_await db_.transact<ClearAgain>(revoked_since);
}

Task<Result<void>> RevocationStore::forget(Instant before) {
  co_return co_await db_.transact<Forget>(before);
}

Task<Result<void>> RevocationStore::write_down(std::string kind, std::string severity, std::string message) {
  co_return co_await db_.transact<WriteDown>(std::move(kind), std::move(severity), std::move(message));
}

}  // namespace argosy::server
