// How patches lie in rows, for this folder's patch*_store.cpp.
#pragma once

#include <string>
#include <string_view>

#include <pqxx/pqxx>

#include "server/models/patch.hpp"

namespace argosy::server {

// Of `patches p`, in the order that patch_of() reads.
inline constexpr std::string_view patch_columns =
    "p.from_digest, p.to_digest, p.state, coalesce(p.codec, ''), coalesce(p.digest, ''), p.size, p.encode_ms, "
    "coalesce(p.reason, ''), p.demand, p.attempts, p.retry_at is not null, p.trials::text, "
    "case when p.asked_until > now() then coalesce(p.asked_by, '') else '' end";
inline constexpr int patch_column_count = 13;

PatchRow patch_of(const pqxx::row& row);
// Writes the patch's event: "patch.ready", "patch.cancelled", ...
void append_patch_event(pqxx::work& transaction, const PatchRow& row);

}  // namespace argosy::server
