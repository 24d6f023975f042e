// What those who judge due pairs read first, in SQL: the pairs of a batch, each with the version that its device serves
// now. Pure.
#pragma once

#include <string>
#include <vector>

#include "common/base/instant.hpp"
#include "server/telemetry/watch.hpp"

namespace argosy::server {

// A device's clock may be a little ahead; what it dates further into the future is not judged.
inline constexpr Duration judged_ahead{300'000};

// The batch, for $1 of served_pairs_sql.
std::string due_pairs_json(const std::vector<DuePair>& due);

// What follows `from`: a row for each pair, with its place in the batch, device and model as p.n, p.device and p.model,
// and the version of its newest window as w.version. Windows begin after $2 and before $3. Revoked devices, and pairs
// without windows, are left out.
std::string served_pairs_sql();

}  // namespace argosy::server
