// Questions to the telemetry of many devices: series by group, the worst by a metric, facets, and exports. Coroutines
// on the I/O thread; the SQL runs on the pool's threads, slice after slice in transactions of their own, so that a long
// question stands in line with everybody else. Safe on several instances.
//
// At once there are at most queries_at_once questions and exports_at_once exports; more have Errc::rate_limited. A
// question that reads too much has Errc::too_large, with what to do: nothing is ever left out or sampled.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/base/task.hpp"
#include "server/devices/filter.hpp"
#include "server/telemetry/query/facets.hpp"
#include "server/telemetry/query/field_accuracy.hpp"
#include "server/telemetry/query/grouped_series.hpp"

namespace argosy::server {

class DbPool;
struct LiveBody;

struct QueriedRange {
  Filter filter;
  std::string model;    // empty: of any
  std::string version;  // empty: of any
  Instant from{};
  Instant to{};  // after `from`
};

struct SeriesQuestion {
  QueriedRange of;
  Metric metric;
  Grouping grouping;
  std::size_t points = 200;
  std::size_t groups = 8;  // with a line of their own
};

struct WorstQuestion {
  QueriedRange of;
  Metric metric;
  Worse worse = Worse::higher;
  std::size_t most = 10;
  std::uint64_t least_samples = 0;
};

struct ExportQuestion {
  QueriedRange of;
  Duration rows_of{0};  // nought: windows; an hour or a day: what they add up to, the range rounded out to whole ones
};

class QueryService {
 public:
  static constexpr std::size_t queries_at_once = 16;
  static constexpr std::size_t exports_at_once = 4;

  explicit QueryService(DbPool& db)
      : db_(db), queries_(std::make_shared<std::size_t>(0)), exports_(std::make_shared<std::size_t>(0)) {}

  Task<Result<GroupedSeries>> series(SeriesQuestion question);
  // Of more than two days, or too many windows, the range is rounded out to whole hours, of more than a month to days.
  Task<Result<WorstDevices>> worst(WorstQuestion question);
  // Of each version of the model; the range is rounded as that of worst().
  Task<Result<AccuracyOfField>> accuracy(QueriedRange of);
  Task<Result<Facets>> facets(Filter filter);
  // text/csv, piece by piece: what is in memory is one piece. It ends early, and broken off, when the database fails.
  Task<Result<LiveBody>> export_windows(ExportQuestion question);

 private:
  DbPool& db_;
  std::shared_ptr<std::size_t> queries_, exports_;  // under way
};

}  // namespace argosy::server
