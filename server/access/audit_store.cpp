#include "server/access/audit_store.hpp"

#include <nlohmann/json.hpp>

#include "server/db/advisory_locks.hpp"
#include "server/db/rows.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr const char* row_columns = R"sql(
  coalesce(seal, 0) as seal_or_none, id, (extract(epoch from at) * 1000000)::bigint as at_us,
  coalesce((extract(epoch from sealed_at) * 1000000)::bigint, 0) as sealed_at_us, actor, action, object, address,
  details, coalesce(encode(hash, 'hex'), '') as hash_hex
)sql";

Digest digest_of(const pqxx::field& field) {  // what is no hash fits nothing
  const auto digest = Digest::parse(field.as<std::string>());
  return digest ? *digest : Digest{};
}

SealedRow sealed_row_of(const pqxx::row& row) {
  return {row["seal_or_none"].as<std::int64_t>(), row["id"].as<std::int64_t>(),
          row["at_us"].as<std::int64_t>(),        row["sealed_at_us"].as<std::int64_t>(),
          row["actor"].as<std::string>(),         row["action"].as<std::string>(),
          row["object"].as<std::string>(),        row["address"].as<std::string>(),
          row["details"].as<std::string>(),       digest_of(row["hash_hex"])};
}

// Where the next rows continue; a cluster that the log was restored to counts its transactions anew.
struct Position {
  std::string xact;
  std::int64_t id = 0;
};

Position position_of(pqxx::work& transaction) {
  const auto row = transaction.exec1(
      R"sql(
        select case when xact >= pg_snapshot_xmax(pg_current_snapshot()) then '0' else xact::text end,
          case when xact >= pg_snapshot_xmax(pg_current_snapshot()) then 0 else row_id end
        from audit_chain
      )sql");
  return {row[0].as<std::string>(), row[1].as<std::int64_t>()};
}

std::optional<ChainFault> find_inserted(pqxx::work& transaction) {
  const Position position = position_of(transaction);
  const auto rows = transaction.exec_params(
      R"sql(
        select id
        from audit
        where seal is null and (xact < $1::text::xid8 or (xact = $1::text::xid8 and id <= $2))
        order by xact, id
        limit 1
      )sql",
      position.xact, position.id);
  if (rows.empty()) return std::nullopt;
  const auto id = rows[0][0].as<std::int64_t>();
  return ChainFault{id, 0,
                    "row " + std::to_string(id) + " was put in among rows that were sealed before, or its seal taken"};
}

}  // namespace

AuditPage ListAudit::operator()(pqxx::work& transaction) const {
  const std::string condition =
      " from audit where ($1::text is null or actor = $1) and ($2::text is null or object = $2)";
  AuditPage page;
  const auto counted = transaction.exec_params1(
      "select count(*) from (select 1" + condition + " limit 10000) as counted", query.actor, query.object);
  page.total = counted[0].as<std::int64_t>();
  const std::string sql =
      "select id, at, actor, action, object, address, details" + condition + " and id < $3 order by id desc limit $4";
  for (const auto& row :
       transaction.exec_params(sql, query.actor, query.object, query.before, static_cast<std::int64_t>(query.limit))) {
    page.items.push_back({row["id"].as<std::int64_t>(), row["at"].as<Instant>(), row["actor"].as<std::string>(),
                          row["action"].as<std::string>(), row["object"].as<std::string>(),
                          row["address"].as<std::string>(), row["details"].as<std::string>()});
  }
  return page;
}

ChainState FindChain::operator()(pqxx::work& transaction) const {
  const auto row = transaction.exec_params1(
      R"sql(
        select seal, encode(hash, 'hex') as hash, archived_seal, encode(archived_hash, 'hex') as archived_hash,
          rows_before, (
            select count(*) from (select 1 from audit where seal is null limit $1) as waiting
          ) as unsealed
        from audit_chain
      )sql",
      ChainState::unsealed_counted);
  return {{row["seal"].as<std::int64_t>(), digest_of(row["hash"])},
          {row["archived_seal"].as<std::int64_t>(), digest_of(row["archived_hash"])},
          row["unsealed"].as<std::int64_t>(),
          row["rows_before"].as<std::int64_t>()};
}

SealAudit::Outcome SealAudit::operator()(pqxx::work& transaction) const {
  const auto waits = transaction.exec1("select exists (select from audit where seal is null)")[0].as<bool>();
  if (!waits || !transaction.exec1(advisory_lock::try_in_transaction(advisory_lock::audit_sealer))[0].as<bool>()) {
    return {};
  }
  const auto state = transaction.exec1(R"sql(
    select seal, encode(hash, 'hex') as hash, (extract(epoch from now()) * 1000000)::bigint as now_us from audit_chain
  )sql");
  Outcome outcome{0, {state["seal"].as<std::int64_t>(), digest_of(state["hash"])}};
  const auto now_us = state["now_us"].as<std::int64_t>();
  const Position position = position_of(transaction);
  const std::string sql = std::string("select ") + row_columns + R"sql(, xact::text as xact_text
    from audit
    where seal is null and xact < pg_snapshot_xmin(pg_current_snapshot())
      and (xact > $1::text::xid8 or (xact = $1::text::xid8 and id > $2))
    order by xact, id
    limit $3
  )sql";
  const auto rows = transaction.exec_params(sql, position.xact, position.id, static_cast<std::int64_t>(limit));
  if (rows.empty()) return outcome;
  json seals = json::array();
  for (const auto& row : rows) {
    SealedRow sealed = sealed_row_of(row);
    sealed.seal = outcome.head.seal + 1;
    sealed.sealed_at_us = now_us;
    outcome.head = {sealed.seal, seal_hash(outcome.head.hash, sealed)};
    seals.push_back({{"id", sealed.id}, {"seal", sealed.seal}, {"hash", outcome.head.hash.to_hex()}});
  }
  outcome.sealed = rows.size();
  transaction.exec_params0(
      R"sql(
        update audit a
        set seal = s.seal, hash = decode(s.hash, 'hex'), sealed_at = now()
        from jsonb_to_recordset($1::jsonb) as s(id bigint, seal bigint, hash text)
        where a.id = s.id
      )sql",
      seals.dump());
  transaction.exec_params0(
      "update audit_chain set seal = $1, hash = decode($2, 'hex'), xact = $3::text::xid8, row_id = $4",
      outcome.head.seal, outcome.head.hash.to_hex(), rows.back()["xact_text"].as<std::string>(),
      rows.back()["id"].as<std::int64_t>());
  return outcome;
}

WalkAudit::Outcome WalkAudit::operator()(pqxx::work& transaction) const {
  Outcome outcome;
  const ChainState state = FindChain{}(transaction);  // first: what is sealed while this reads is left for the next
  ChainHead start = state.archived;
  if (after > state.archived.seal) {
    const auto rows = transaction.exec_params("select encode(hash, 'hex') from audit where seal = $1", after);
    if (rows.empty()) {
      outcome.fault = ChainFault{
          0, after, "the row with seal " + std::to_string(after) + " was removed while the chain was walked"};
      return outcome;
    }
    start = {after, digest_of(rows[0][0])};
  }
  const auto rows = transaction.exec_params(
      std::string("select ") + row_columns + " from audit where seal > $1 and seal <= $2 order by seal limit $3",
      start.seal, state.head.seal, static_cast<std::int64_t>(limit));
  ChainWalk walk(start);
  for (const auto& row : rows) {
    outcome.fault = walk.take(sealed_row_of(row));
    outcome.reached = walk.head();
    if (outcome.fault) return outcome;
    ++outcome.rows;
  }
  outcome.reached = walk.head();
  if (rows.size() == limit) return outcome;
  outcome.complete = true;
  if (walk.head().seal != state.head.seal) {
    outcome.fault = ChainFault{0, walk.head().seal + 1,
                               "the rows from seal " + std::to_string(walk.head().seal + 1) + " to " +
                                   std::to_string(state.head.seal) + " were removed from the end"};
  } else if (walk.head().hash != state.head.hash) {
    outcome.fault = ChainFault{0, state.head.seal, "the chain's noted head was touched"};
  } else {
    outcome.fault = find_inserted(transaction);
    const auto beyond =
        transaction.exec_params("select id, seal from audit where seal > $1 order by seal limit 1", state.head.seal);
    if (!outcome.fault && !beyond.empty() && FindChain{}(transaction).head.seal == state.head.seal) {
      outcome.fault = ChainFault{beyond[0][0].as<std::int64_t>(), beyond[0][1].as<std::int64_t>(),
                                 "row " + beyond[0][0].as<std::string>() + " was put in behind the chain's end"};
    }
  }
  return outcome;
}

std::optional<ChainFault> HasSeal::operator()(pqxx::work& transaction) const {
  const ChainState state = FindChain{}(transaction);
  if (noted.seal < state.archived.seal) return std::nullopt;  // the archive's to answer
  Digest found = noted.seal == state.archived.seal ? state.archived.hash : Digest{};
  if (noted.seal > state.archived.seal) {
    const auto rows = transaction.exec_params("select encode(hash, 'hex') from audit where seal = $1", noted.seal);
    if (rows.empty()) {
      return ChainFault{0, noted.seal, "the row with the noted seal " + std::to_string(noted.seal) + " was removed"};
    }
    found = digest_of(rows[0][0]);
  }
  if (found == noted.hash) return std::nullopt;
  return ChainFault{0, noted.seal,
                    "the chain does not go through the noted head " + std::to_string(noted.seal) +
                        ": something at or before it was changed and the chain made anew"};
}

ReadOldest::Outcome ReadOldest::operator()(pqxx::work& transaction) const {
  Outcome outcome{FindChain{}(transaction).archived, {}};
  const auto rows =
      transaction.exec_params(std::string("select ") + row_columns +
                                  ", at < $2::timestamptz as is_old from audit where seal > $1 order by seal limit $3",
                              outcome.archived.seal, before, static_cast<std::int64_t>(limit));
  for (const auto& row : rows) {
    if (!row["is_old"].as<bool>()) break;
    outcome.rows.push_back(sealed_row_of(row));
  }
  return outcome;
}

Result<void> DropArchived::operator()(pqxx::work& transaction) const {
  const auto moved = transaction.exec_params(
      R"sql(
        update audit_chain
        set archived_seal = $2, archived_hash = decode($3, 'hex')
        where archived_seal = $1 and seal >= $2
      )sql",
      from.seal, upto.seal, upto.hash.to_hex());
  if (moved.affected_rows() == 0) return make_error(Errc::conflict, "the audit log was archived by another instance");
  transaction.exec_params("delete from audit where seal <= $1", upto.seal);
  return {};
}

}  // namespace argosy::server
