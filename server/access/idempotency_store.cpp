#include "server/access/idempotency_store.hpp"

#include "server/db/rows.hpp"

namespace argosy::server {

Result<BeginIdempotent::Outcome> BeginIdempotent::operator()(pqxx::work& transaction) const {
  const auto taken = transaction.exec_params(
      R"sql(
        insert into idempotency_keys as k (actor, key, route, body_digest, status, response, created_at)
        values ($1, $2, $3, $4, 0, '', $5::timestamptz)
        on conflict (actor, key) do update set created_at = excluded.created_at, attempt = k.attempt + 1
        where k.status = 0
          and not k.done
          and k.route = excluded.route
          and k.body_digest = excluded.body_digest
          and k.created_at < $6::timestamptz
        returning attempt
      )sql",
      actor, key, route, body_digest, now, now - give_up);
  if (!taken.empty()) return Outcome{taken[0][0].as<std::int64_t>(), std::nullopt};
  const auto row = transaction.exec_params1(
      R"sql(
        select route, body_digest, status, response, object, done, created_at < $3::timestamptz as is_old
        from idempotency_keys
        where actor = $1 and key = $2
      )sql",
      actor, key, now - give_up);
  if (row["route"].as<std::string>() != route || row["body_digest"].as<std::string>() != body_digest) {
    return make_error(Errc::idempotency_mismatch,
                      "the Idempotency-Key '" + key + "' was used for another request; take a new key");
  }
  const int status = row["status"].as<int>();
  const bool died_behind_its_change = row["done"].as<bool>() && row["is_old"].as<bool>();
  if (status == 0 && !died_behind_its_change) {
    return make_error(Errc::conflict, "the request with the Idempotency-Key '" + key + "' is still under way");
  }
  return Outcome{0, StoredResponse{status, row["response"].as<std::string>(), row["object"].as<std::string>()}};
}

Result<void> MarkIdempotent::operator()(pqxx::work& transaction) const {
  const auto marked = transaction.exec_params(
      R"sql(
        update idempotency_keys
        set done = true,
          object = coalesce((
            select object from audit where seal is null and xact = pg_current_xact_id() order by id limit 1
          ), object)
        where actor = $1 and key = $2 and attempt = $3
      )sql",
      actor, key, attempt);
  if (marked.affected_rows() == 1) return {};
  return make_error(Errc::conflict, "the request with the Idempotency-Key '" + key +
                                        "' took so long that it was begun again; ask for the outcome of that");
}

void FinishIdempotent::operator()(pqxx::work& transaction) const {
  if (response) {
    transaction.exec_params(
        "update idempotency_keys set status = $4, response = $5 where actor = $1 and key = $2 and attempt = $3", actor,
        key, attempt, response->status, response->body);
  } else {
    transaction.exec_params("delete from idempotency_keys where actor = $1 and key = $2 and attempt = $3 and not done",
                            actor, key, attempt);
  }
}

}  // namespace argosy::server
