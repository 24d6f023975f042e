// The part of patch_store.hpp that the makers of patches use.

#include "server/db/rows.hpp"
#include "server/models/patch_rows.hpp"
#include "server/models/patch_store.hpp"

namespace argosy::server {

namespace {

double in_seconds(std::chrono::milliseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

ClaimRound ClaimPatch::operator()(pqxx::work& transaction) const {
  ClaimRound round;
  round.abandoned = fail_exhausted(transaction);
  // Of pairs that as many devices wait for the smaller files first: small steps make chains, and are soon done.
  const pqxx::result rows = transaction.exec_params(
      R"sql(
        with next as (
          select p.from_digest, p.to_digest, p.claim as abandoned
          from patches p
          join blobs f on f.digest = p.from_digest
          join blobs t on t.digest = p.to_digest
          where p.state = 'pending' or (p.state = 'making' and p.claimed_at < now() - make_interval(secs => $2))
              or (p.state = 'failed' and p.retry_at <= now() and (p.demand > 0 or p.asked_until > now()))
          order by p.demand desc, f.size + t.size, p.requested_at
          limit 1
          for update of p skip locked
        )
        update patches p
        set state = 'making', claimed_at = now(), claim = $1, attempts = p.attempts + 1, retry_at = null
        from next n
        where p.from_digest = n.from_digest and p.to_digest = n.to_digest
        returning p.from_digest, p.to_digest, p.demand, p.attempts, n.abandoned
      )sql",
      name, in_seconds(lease));
  if (rows.empty()) return round;
  const pqxx::row row = rows[0];
  round.claim = {{row["from_digest"].as<std::string>(), row["to_digest"].as<std::string>(), row["demand"].as<int>()},
                 name,
                 row["attempts"].as<int>()};
  if (!row["abandoned"].is_null()) round.abandoned.push_back(row["abandoned"].as<std::string>());
  return round;
}

std::vector<std::string> ClaimPatch::fail_exhausted(pqxx::work& transaction) const {
  static const std::string sql = R"sql(
    with last as (
      select from_digest, to_digest, claim as abandoned
      from patches
      where state = 'making' and attempts >= $1 and claimed_at < now() - make_interval(secs => $2)
      for update
    )
    update patches p
    set state = 'failed', claim = null, finished_at = now(), reason = attempts || ' attempts ended without a word: '
      'the server was killed, ran out of memory, or hung while it made this patch'
    from last l
    where p.from_digest = l.from_digest and p.to_digest = l.to_digest
    returning l.abandoned,
  )sql" + std::string(patch_columns);
  const pqxx::result rows = transaction.exec_params(sql, max_attempts, in_seconds(lease));
  std::vector<std::string> abandoned;
  for (const pqxx::row& row : rows) {
    append_patch_event(transaction, patch_of(row));
    if (!row["abandoned"].is_null()) abandoned.push_back(row["abandoned"].as<std::string>());
  }
  return abandoned;
}

bool RenewPatchClaim::operator()(pqxx::work& transaction) const {
  const pqxx::result rows = transaction.exec_params(
      R"sql(
        update patches
        set claimed_at = now()
        where from_digest = $1 and to_digest = $2 and state = 'making' and claim = $3
        returning 1
      )sql",
      claim.pair.from_digest, claim.pair.to_digest, claim.name);
  return !rows.empty();
}

void GiveBackPatch::operator()(pqxx::work& transaction) const {
  transaction.exec_params0(
      R"sql(
        update patches
        set state = 'pending', claim = null, attempts = attempts - 1
        where from_digest = $1 and to_digest = $2 and state = 'making' and claim = $3
      )sql",
      claim.pair.from_digest, claim.pair.to_digest, claim.name);
}

void FinishPatch::operator()(pqxx::work& transaction) const {
  const auto size = row.size ? std::optional(static_cast<std::int64_t>(*row.size)) : std::nullopt;
  const pqxx::result changed = transaction.exec_params(
      R"sql(
        update patches
        set state = $3, codec = nullif($4, ''), digest = nullif($5, ''), size = $6, encode_ms = $7,
          reason = nullif($8, ''), trials = $9::jsonb, retry_at = now() + make_interval(secs => $10),
          claim = null, offered_to = case when $3 = 'ready' then '' end, finished_at = now()
        where from_digest = $1 and to_digest = $2 and state = 'making' and claim = $11
        returning 1
      )sql",
      row.from_digest, row.to_digest, std::string(to_string(row.state)), row.codec, row.digest, size, row.encode_ms,
      row.reason, trials_to_json(row.trials), rest ? std::optional(in_seconds(*rest)) : std::nullopt, claim.name);
  if (!changed.empty()) append_patch_event(transaction, row);
}

}  // namespace argosy::server
