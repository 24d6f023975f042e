// How patches lie in rows, for this folder's patch*_store.cpp.
#pragma once

#include <string>
#include <string_view>

#include <pqxx/pqxx>

#include "server/models/patch.hpp"

namespace argosy::server {

// Of `patches p`, for patch_of().
inline constexpr std::string_view patch_columns = R"sql(
  p.from_digest, p.to_digest, p.state, coalesce(p.codec, '') as codec, coalesce(p.digest, '') as digest, p.size,
  p.encode_ms, coalesce(p.reason, '') as reason, p.demand, p.attempts, p.retry_at is not null as will_retry, p.trials,
  case when p.asked_until > now() then coalesce(p.asked_by, '') else '' end as asked_by
)sql";

PatchRow patch_of(const pqxx::row& row);
// Writes the patch's event: "patch.ready", "patch.cancelled", ...
void append_patch_event(pqxx::work& transaction, const PatchRow& row);

}  // namespace argosy::server
