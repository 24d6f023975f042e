// The SQL of fleet_counts: how many devices there are of each kind, kept by triggers (migration "counters"). Functors
// for DbPool::transact. fleet_totals is what readers take: the counts with the changes that are not added up yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <pqxx/pqxx>

#include "server/devices/filter.hpp"
#include "server/devices/inventory_counts.hpp"

namespace argosy::server {

// All that are not revoked.
std::int64_t count_fleet(pqxx::work& transaction);
// Of a filter that is one comparison, or the negation of one, or empty; nothing for any other, or one of ids.
std::optional<std::int64_t> count_by_totals(pqxx::work& transaction, const Filter& filter);
// Whether a comparison that must hold holds for nobody, so that looking for devices is of no use.
bool matches_nobody(pqxx::work& transaction, const Filter& filter);

// What the fleet's boards are: board and accelerators first, then the versions that most devices tell.
struct ReadInventory {
  int most_values = 20;
  std::vector<InventoryField> operator()(pqxx::work& transaction) const;
};

// Adds up changes, the oldest first; answers how many there were.
struct FoldFleetCounts {
  std::int64_t limit = 20'000;
  std::size_t operator()(pqxx::work& transaction) const;
};

// Counts the fleet and puts right what is wrong; answers how many counts were.
struct RecountFleet {
  std::size_t operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
