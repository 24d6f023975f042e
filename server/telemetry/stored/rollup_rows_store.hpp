// The SQL of rollups: what was packed is added to the rows of its hours, and hours to the rows of their days, a slice
// in a transaction. A device and hour may have several rows, of windows that came late; readers add them up. Functors
// for DbPool::transact, for one leader at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "server/telemetry/stored/rollup.hpp"
#include "server/telemetry/stored/up_to_bytes.hpp"

namespace argosy::server {

// From when on each level is read, and how far days are added up. What lies before it may be there still.
struct Levels {
  Instant packed_from{};                     // before it, windows are past their retention
  Instant hours_from{};                      // before it, hours are; not behind days_until
  Instant days_until{};                      // before it, hours are in days; a whole day
  std::optional<std::string> days_device{};  // of the day that begins there, devices up to this one are
};
Levels read_levels(pqxx::work& transaction);

// Into telemetry_hours; what is of days that are added up, into telemetry_days, too. While a day is half added up
// (`days_device`), nothing is added.
void add_hours(pqxx::work& transaction, const std::vector<Rollup>& hours);

struct RolledDay {
  std::uint64_t days = 0;     // added to telemetry_days, of devices, models and versions
  bool is_inside = false;     // devices of the day are left
  bool nothing_left = false;  // there is no day that is over
};

// Adds up the next devices of the day that begins at days_until, if it ended before `over` or is begun.
struct RollDay {
  Instant over;
  std::size_t most = 10'000;             // rows of telemetry_hours
  std::size_t most_bytes = slice_bytes;  // of their figures; of one device as many as it has
  RolledDay operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
