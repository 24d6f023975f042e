// Silences as rows. DB threads; what changes them or what they cover holds `lock_alerts`.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include <pqxx/pqxx>

#include "server/alerts/silence.hpp"

namespace argosy::server {

std::optional<Silence> read_silence_row(pqxx::work& transaction, std::int64_t id);
// Newest first, with ids under `before`.
std::vector<Silence> read_silences_before(pqxx::work& transaction, bool ended, std::optional<std::int64_t> before,
                                          std::size_t limit);
// At most most_silences.
std::vector<Silence> read_live_silences(pqxx::work& transaction);
std::vector<Silence> read_silences_in_effect(pqxx::work& transaction, Instant now);

// Those that begin or end now: ends what is over, and has the alerts looked at that they cover, or covered. How many.
std::size_t follow_silences(pqxx::work& transaction, Instant now);
// It is another now: what it covered is looked at, and it begins anew.
void forget_what_is_covered(pqxx::work& transaction, std::int64_t silence, Instant now);

}  // namespace argosy::server
