// How long the rows of each table stay: one declaration a table, and a test that finds the table without one. Either a
// rule takes the rows away when they are old enough, here or in the capability whose they are, or something else bounds
// them, and the declaration says what. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "common/base/instant.hpp"

namespace argosy::server {

// In days. The configuration's `retention.*_days`.
struct RetentionDays {
  std::int64_t events = 90;
  std::int64_t alerts = 180;           // after they were resolved
  std::int64_t rollouts = 365;         // after they ended; drafts, of releases too, after the last change
  std::int64_t revoked_devices = 365;  // with all that is known of them
  std::int64_t claims = 90;            // after they expired or were revoked
  std::int64_t tokens = 365;           // likewise
  std::int64_t verdicts = 90;          // on drift, and usual latencies, that nothing has renewed
  std::int64_t presence = 30;          // after a device's presence changed, or the hour was over
  std::int64_t deliveries = 30;        // after they arrived or were given up
};

// Takes away rows of one table.
struct RetentionRule {
  std::string_view table;
  std::int64_t RetentionDays::*days;
  // One statement that deletes what ended before $1 (timestamptz), at most $2 rows, the oldest first where an index
  // says which.
  std::string_view sql;
  // At most so often. A table without an index on that time (it is written too often for one) is read whole.
  Duration every{60'000};
};

struct TableBound {
  std::string_view table;
  std::string_view why;  // the rule's key of the configuration, or what else keeps it small
};

// In the order in which they run: what hangs on a row goes before it.
std::span<const RetentionRule> retention_rules();
// Of every table of the schema.
std::span<const TableBound> table_bounds();

}  // namespace argosy::server
