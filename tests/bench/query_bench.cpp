// What a chart of a year over a thousand devices costs beside the database: 365,000 sums of days as they are stored,
// decoded and folded by site. One JSON object on stdout, in ms of CPU. From the release preset: argosy-query-bench.
#include <cmath>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/random.hpp"
#include "server/telemetry/query/grouped_series.hpp"
#include "server/telemetry/query/slices.hpp"
#include "server/telemetry/window_figures.hpp"

namespace argosy::server {
namespace {

constexpr std::size_t devices = 1000;
constexpr std::size_t days = 365;
constexpr std::size_t sites = 20;
constexpr std::int64_t day_s = 86'400;

double cpu_ms() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return 1e3 * static_cast<double>(used.tv_sec) + 1e-6 * static_cast<double>(used.tv_nsec);
}

// A day of inferences whose latency is log-normal about what the device is used to.
TakenWindow day_of(Rng& random, const std::string& device, std::size_t day, double usual_ms) {
  TakenWindow window{.device = device, .model = "digits", .version = "1.0"};
  window.started_at = instant_from_ms(static_cast<std::int64_t>(day) * day_s * 1000);
  window.ended_at = window.started_at + std::chrono::hours(24);
  window.count = 86'400;
  for (int value = 0; value < 200; ++value) window.latency.add(usual_ms * std::exp(0.25 * random.normal()), 432);
  return window;
}

int run() {
  Rng random(7);
  const Metric metric = parse_metric("latency_p95").value();
  const SeriesGrid grid{0, day_s, days};
  const std::size_t in_slice = devices_in_slice(days, days);
  GroupFold groups(metric, days, 8);
  double decoding = 0, folding = 0;
  for (std::size_t first = 0; first < devices; first += in_slice) {
    std::vector<TakenWindow> rows;
    std::vector<Bytes> stored;
    for (auto device = first; device < std::min(devices, first + in_slice); ++device)
      for (std::size_t day = 0; day < days; ++day) {
        auto row =
            day_of(random, "cam-" + std::to_string(10'000 + device), day, 5 + 0.02 * static_cast<double>(device));
        stored.push_back(encode_figures(row));
        row.latency = {};
        rows.push_back(std::move(row));
      }
    const double begin = cpu_ms();
    for (std::size_t at = 0; at < rows.size(); ++at) (void)decode_figures(stored[at], rows[at]);
    const double decoded = cpu_ms();
    DeviceFold fold(metric, grid, false);
    for (auto& row : rows) fold.add(std::move(row));
    std::size_t device = first;
    for (const auto& measured : fold.take())
      groups.add("site-" + std::to_string(100 + device++ * sites / devices), measured);
    decoding += decoded - begin;
    folding += cpu_ms() - decoded;
  }
  const double begin = cpu_ms();
  GroupedSeries series{metric, parse_grouping("labels.site").value(), grid, groups.lines(), devices, devices * days};
  const auto bytes = grouped_series_to_json(series).size();
  const nlohmann::json report{{"rows", devices * days},
                              {"decode_ms", std::lround(decoding)},
                              {"fold_ms", std::lround(folding)},
                              {"lines_and_json_ms", std::lround(cpu_ms() - begin)},
                              {"json_bytes", bytes}};
  std::printf("%s\n", report.dump().c_str());
  return 0;
}

}  // namespace
}  // namespace argosy::server

int main() {
  return argosy::server::run();
}
