// Windows as they lie in the database at any level, for those who read a range of time: as they came, packed, or added
// up by hours and days. On DB threads, inside their transactions; memory for the rows of some devices at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "server/telemetry/telemetry.hpp"
#include "server/telemetry/window_figures.hpp"

namespace argosy::server {

// The coarsest that may answer: what is not added up yet comes finer, and coarser what is past its level's retention.
enum class Level { windows, hours, days };

struct StoredRange {
  std::vector<std::string> devices;  // of these
  std::string model = {};            // empty: of any
  std::string version = {};          // empty: of any
  Instant from{};
  Instant to{};  // before this
  Level level = Level::windows;
  std::uint32_t parts = all_parts;  // WindowParts that are decoded; others stay empty
};

// Each of them once, in no order; one that is added up starts at its hour or day, and ended_at - started_at is the time
// that its windows cover together. Of figures that cannot be read, what comes before the fault.
void visit_stored(pqxx::work& transaction, const StoredRange& range, const std::function<void(TakenWindow&&)>& visit);

// Days from 1 d on, hours from 1 h on, else windows.
Level level_for(Duration step);

}  // namespace argosy::server
