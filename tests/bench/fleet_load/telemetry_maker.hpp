// What simulated devices measured: windows and health samples as CBOR. Histograms are drawn and encoded once, from the
// seed, and each window takes some of them; a device has a latency of its own. Pure after the constructor; one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/encoding.hpp"
#include "common/base/instant.hpp"
#include "common/base/random.hpp"
#include "common/stats/log_histogram.hpp"
#include "common/wire/telemetry.hpp"
#include "tests/bench/fleet_load/device_outbox.hpp"

namespace argosy::fleet_load {

struct WindowShape {
  std::string model = "digits";
  std::string version = "1.0";
  std::size_t features = 4;
  std::size_t bins = 23;  // of each feature: under the first edge, between, over the last, not a number; from 4
  std::size_t classes = 10;
  std::uint64_t inferences = 300;
};

class TelemetryMaker {
 public:
  static constexpr std::size_t latency_levels = 64;  // from 2 to 60 ms, evenly on the logarithm

  TelemetryMaker(std::uint64_t seed, WindowShape shape);

  // As wire::encode_record() writes it. `level`: how slow the device is, below latency_levels.
  void write_record(Bytes& out, std::uint64_t seq, const Entry& entry, std::size_t level) const;
  // A batch of what is under way, or of any records of the outbox from `first`; `sent_at_ms` by the device's clock.
  Bytes batch(const std::string& device, const DeviceOutbox& outbox, std::uint64_t first, std::size_t count,
              std::size_t level, std::int64_t sent_at_ms) const;
  // One that is stored, once more.
  Bytes repeated_batch(const std::string& device, const std::string& epoch, const DeviceOutbox::Stored& stored,
                       std::size_t level, std::int64_t sent_at_ms) const;
  // What the release says of its features, as JSON, so that the windows agree with it.
  std::string reference_json() const;

 private:
  struct Counts {
    std::uint64_t errors = 0, labelled = 0, correct = 0;
  };
  void draw_latencies(Rng& rng);
  void draw_classes(Rng& rng);
  void draw_features(Rng& rng);
  void write_window(Bytes& out, const Entry& entry, std::size_t level) const;

  WindowShape shape_;
  std::vector<double> bin_shares_;             // of every feature
  std::vector<std::vector<Bytes>> latencies_;  // by level: the histogram's own encoding
  std::vector<Bytes> classes_;                 // each a whole item of CBOR
  std::vector<Bytes> features_;
  std::vector<Counts> counts_;
};

}  // namespace argosy::fleet_load
