// The SQL that packs what waits under telemetry_closed, a slice in a transaction: its windows go to telemetry_packed
// and, added up, to telemetry_hours; readers see each of them once, before and after. Functors for DbPool::transact,
// for one leader at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "server/telemetry/stored/up_to_bytes.hpp"

namespace argosy::server {

struct Waiting {
  std::int64_t tables = 0;               // that are over and not packed whole
  std::optional<std::string> next = {};  // the one whose turn it is: that which is begun, else the oldest by name
};

struct FindWaiting {
  std::vector<std::string> but_not = {};  // are counted, and passed by
  Waiting operator()(pqxx::work& transaction) const;
};

struct PackedSlice {
  std::uint64_t windows = 0;
  std::uint64_t rows = 0;        // of telemetry_packed
  std::uint64_t unreadable = 0;  // windows whose figures were corrupt: what could be read of them was packed
  bool is_last = false;          // nothing is left in the table
};

// The next windows of a table in the order of its devices: whole devices where they fit, else as many as are allowed.
struct PackSlice {
  std::string table;
  std::size_t most = 10'000;             // windows; at most most_packed
  std::size_t most_bytes = slice_bytes;  // of figures, and what one window more has
  PackedSlice operator()(pqxx::work& transaction) const;
};

// A table that is packed whole. Waits 250 ms at most for those that read it.
struct DropPacked {
  std::string table;
  void operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
