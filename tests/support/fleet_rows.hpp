// Rows that tests of monitoring start from, and telemetry as a device would send it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/stats/log_histogram.hpp"
#include "common/wire/telemetry.hpp"
#include "tests/support/test_database.hpp"

namespace argosy::test {

inline constexpr auto epoch = "0123456789abcdef";

inline void add_device(TestDatabase& database, const std::string& id) {
  database.exec("insert into devices (id, hardware_class) values ('" + id + "', 'cpu-fp32')");
  database.exec("insert into device_state (device_id) values ('" + id + "')");
}

inline void add_release(TestDatabase& database, const std::string& model, const std::string& version,
                        const std::string& reference_json = "{}", const std::string& validation_json = "{}") {
  database.exec("insert into models (name) values ('" + model + "') on conflict do nothing");
  database.exec("insert into releases (model, version, reference, validation, created_by, published_at) values ('" +
                model + "', '" + version + "', '" + reference_json + "', '" + validation_json + "', 'test', now())");
}

struct WindowOf {
  Instant started_at{};
  double latency_ms = 10;
  std::uint64_t count = 100;
  std::uint64_t labelled = 0;
  std::uint64_t correct = 0;
  std::string version = "1.0";
  std::vector<wire::FeatureCounts> features = {};
};

inline wire::InferenceWindow window(const WindowOf& of) {
  LogHistogram latency;
  latency.add(of.latency_ms, of.count);
  wire::InferenceWindow window;
  window.started_at = of.started_at;
  window.ended_at = of.started_at + Duration{60'000};
  window.model = "digits";
  window.version = of.version;
  window.count = of.count;
  window.labelled = of.labelled;
  window.correct = of.correct;
  window.latency = latency.encode();
  window.features = of.features;
  return window;
}

inline wire::HealthSample health(Instant at, double cpu_percent) {
  wire::HealthSample sample;
  sample.at = at;
  sample.cpu_percent = cpu_percent;
  return sample;
}

// Consecutive records from `first`.
template <class... Content>
wire::TelemetryBatch batch(const std::string& device, std::uint64_t first, Content... content) {
  wire::TelemetryBatch batch{device, epoch, first, {}};
  (batch.records.push_back({first++, std::move(content)}), ...);
  return batch;
}

// So many windows like `of`, one a `step`, the last of which starts at `of.started_at`.
inline wire::TelemetryBatch batch_of_windows(const std::string& device, std::uint64_t first, int count, Duration step,
                                             WindowOf of) {
  wire::TelemetryBatch batch{device, epoch, first, {}};
  of.started_at -= count * step;
  for (int i = 0; i < count; ++i) {
    of.started_at += step;
    batch.records.push_back({first++, window(of)});
  }
  return batch;
}

}  // namespace argosy::test
