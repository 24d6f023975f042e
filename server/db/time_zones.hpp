// Time zones, which PostgreSQL keeps (docs/adr/0008): whether there is one of a name, and what clocks show there. For
// *_store.cpp, on DB threads. Knows no domain word.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"

namespace argosy::server {

// An IANA name, as the tz database spells it. Reads a file for each zone there is, some tens of milliseconds: for what
// a person writes, not for each tick.
bool is_time_zone(pqxx::work& transaction, std::string_view name);
// "'Mars/Base' is no time zone ..., write one such as Europe/Berlin".
std::string no_such_zone(std::string_view name);

// What a clock on the wall shows in each of these zones, in their order; nothing where there is no such zone.
std::vector<std::pair<std::string, std::optional<std::chrono::local_time<Duration>>>> wall_times(
    pqxx::work& transaction, const std::vector<std::string>& zones, Instant now);

}  // namespace argosy::server
