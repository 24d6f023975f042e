// The answer to a query over many devices, as a document and as rows. docs/protocol.md has both. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/telemetry/query/csv.hpp"
#include "server/telemetry/query/group_fold.hpp"
#include "server/telemetry/query/ranking.hpp"

namespace argosy::server {

struct GroupedSeries {
  Metric metric;
  Grouping grouping;
  SeriesGrid grid;
  GroupLines lines;
  std::uint64_t devices = 0;  // that match the filter
  std::uint64_t rows = 0;     // that were read
};
std::string grouped_series_to_json(const GroupedSeries& series);
// One row for each group and step in which something was measured.
std::string grouped_series_to_csv(const GroupedSeries& series);

struct WorstDevices {
  Metric metric;
  Worse worse = Worse::higher;
  Instant from{};
  Instant to{};
  std::uint64_t least_samples = 0;
  std::vector<RankedDevice> items;
  std::uint64_t devices = 0;  // that match the filter
  std::uint64_t measured = 0;
  std::uint64_t with_too_few = 0;
};
std::string worst_devices_to_json(const WorstDevices& worst);

// Windows as rows: the head, and one of them. Percentiles are those of the window; `numbers` is a JSON object of means.
std::string window_csv_head();
void append_window(CsvWriter& out, const TakenWindow& window);

}  // namespace argosy::server
