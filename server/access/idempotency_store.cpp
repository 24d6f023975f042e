#include "server/access/idempotency_store.hpp"

namespace argosy::server {

Result<std::optional<StoredResponse>> BeginIdempotent::operator()(pqxx::work& transaction) const {
  const auto taken = transaction.exec_params(
      "insert into idempotency_keys as k (actor, key, route, body_digest, status, response, created_at) "
      "values ($1, $2, $3, $4, 0, '', $5::timestamptz) on conflict (actor, key) do update set created_at = "
      "excluded.created_at "
      "where k.status = 0 and k.route = excluded.route and k.body_digest = excluded.body_digest "
      "and k.created_at < $6::timestamptz returning 1",
      actor, key, route, body_digest, to_rfc3339(now), to_rfc3339(now - give_up));
  if (!taken.empty()) return std::optional<StoredResponse>{};
  const auto row = transaction.exec_params1(
      "select route, body_digest, status, response from idempotency_keys where actor = $1 and key = $2", actor, key);
  if (row[0].as<std::string>() != route || row[1].as<std::string>() != body_digest) {
    return make_error(Errc::idempotency_mismatch,
                      "the Idempotency-Key '" + key + "' was used for another request; take a new key");
  }
  if (row[2].as<int>() == 0) {
    return make_error(Errc::conflict, "the request with the Idempotency-Key '" + key + "' is still under way");
  }
  return std::optional(StoredResponse{row[2].as<int>(), row[3].as<std::string>()});
}

void FinishIdempotent::operator()(pqxx::work& transaction) const {
  if (response) {
    transaction.exec_params("update idempotency_keys set status = $3, response = $4 where actor = $1 and key = $2",
                            actor, key, response->status, response->body);
  } else {
    transaction.exec_params("delete from idempotency_keys where actor = $1 and key = $2 and status = 0", actor, key);
  }
}

}  // namespace argosy::server
