// The SQL of telemetry queries. Functors for DbPool::transact; they read only, and each reads a bounded slice.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/devices/filter.hpp"
#include "server/telemetry/query/facets.hpp"
#include "server/telemetry/query/group_fold.hpp"
#include "server/telemetry/query/slices.hpp"
#include "server/telemetry/stored/stored_telemetry_store.hpp"

namespace argosy::server {

struct QueriedDevice {
  std::string id;
  std::string group;  // of a grouping by what the device is; else empty
};

// Those that match and are not revoked, by group, then id. Errc::too_large over queried_devices_limit.
struct SelectQueriedDevices {
  Filter filter;
  Grouping grouping;
  Result<std::vector<QueriedDevice>> operator()(pqxx::work& transaction) const;
};

// How far apart the health samples of these devices usually are at the end of the range; nought where there are none.
struct FindSamplePause {
  std::vector<std::string> devices;  // few
  Instant from{};
  Instant to{};
  Duration operator()(pqxx::work& transaction) const;
};

struct MetricRange {
  Metric metric;
  std::string model;
  std::string version;
  SeriesGrid grid;
  Level level = Level::windows;
  bool by_version = false;
  Instant from() const { return instant_from_ms(grid.start_s * 1000); }
  Instant to() const {
    return instant_from_ms((grid.start_s + static_cast<std::int64_t>(grid.steps) * grid.step_s) * 1000);
  }
};

// What these devices measured goes to `taker`; answers how many rows were read. Of health no more than `rows_left` + 1.
// Of a query whose slices are read on several DB threads at once.
struct SharedTaker {
  explicit SharedTaker(SliceTaker::Take take) : taker(std::move(take)) {}
  std::mutex mutex{};
  SliceTaker taker;
};

struct ReadMetricSlice {
  std::shared_ptr<const MetricRange> range;
  std::vector<std::string> devices;
  std::size_t slice = 0;
  std::uint64_t rows_left = queried_rows_limit;
  std::shared_ptr<SharedTaker> taker;
  std::uint64_t operator()(pqxx::work& transaction) const;
};

struct ReadFacets {
  Filter filter;
  Facets operator()(pqxx::work& transaction) const;
};

struct ExportPlan {
  std::vector<QueriedDevice> devices;
  std::string model;
  std::string version;
  Instant from{};
  Instant to{};
  Duration rows_of{
      0};  // nought: windows; an hour or a day, on whose bounds the range begins and ends: what they add up to
};

struct ExportPosition {
  std::size_t device = 0;  // that is read next; past the last: the end
  Instant from{};
};

// The rows that follow a position, by device and time: about `export_piece_bytes` of them, and none at the end.
inline constexpr std::size_t export_piece_bytes = 64 << 10;
struct ReadExportPiece {
  std::shared_ptr<const ExportPlan> plan;
  ExportPosition position;
  struct Piece {
    std::string csv;
    ExportPosition next;
  };
  Piece operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
