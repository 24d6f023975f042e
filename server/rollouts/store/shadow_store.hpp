// The SQL of shadow runs: what devices counted. Run inside the transaction of whoever takes their reports, or looks at
// the guards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "common/wire/shadow.hpp"

namespace argosy::server {

struct ShadowReport {
  std::int64_t rollout = 0;
  std::string device;
  int attempt = 1;
  wire::ShadowCounts counts;  // sound, and of at least one sample
};

// Counts only grow in an attempt: what comes late, or again, changes nothing. Once a device and rollout in the list.
void save_shadows(pqxx::work& transaction, const std::vector<ShadowReport>& reports, Instant now);

// Of a row with the columns `shadow_columns`; nothing where the device has none.
extern const std::string shadow_columns;
std::optional<wire::ShadowCounts> shadow_of(const pqxx::row& row);

}  // namespace argosy::server
