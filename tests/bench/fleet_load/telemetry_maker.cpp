#include "tests/bench/fleet_load/telemetry_maker.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/wire/cbor.hpp"

namespace argosy::fleet_load {

namespace {

constexpr std::size_t drawn_latencies = 32;  // of each level
constexpr std::size_t drawn_classes = 256;
constexpr std::size_t drawn_features = 256;
constexpr std::size_t drawn_counts = 64;
constexpr std::size_t record_bytes = 1024;  // about, of the usual window
constexpr double fastest_ms = 2;
constexpr double slowest_ms = 60;
constexpr double latency_sigma = 0.22;  // of the logarithm, within a window
constexpr double error_share = 0.001;
constexpr double labelled_share = 0.1;
constexpr double correct_share = 0.97;
constexpr std::uint64_t reference_samples = 20'000;

std::uint64_t part_of(std::uint64_t whole, double share, Rng& rng) {
  std::uint64_t part = 0;
  for (std::uint64_t i = 0; i < whole; ++i) part += rng.chance(share) ? 1 : 0;
  return part;
}

// How often each comes in `samples` draws.
std::vector<std::uint64_t> draw_counts(const std::vector<double>& shares, std::uint64_t samples, Rng& rng) {
  std::vector<std::uint64_t> counts(shares.size(), 0);
  std::vector<double> sums;
  double sum = 0;
  for (const double share : shares) sums.push_back(sum += share);
  for (std::uint64_t i = 0; i < samples; ++i) {
    const auto place = std::upper_bound(sums.begin(), sums.end(), rng.uniform() * sum) - sums.begin();
    ++counts[std::min(static_cast<std::size_t>(place), counts.size() - 1)];
  }
  return counts;
}

// A bell over the bins between the edges, with thin tails under and over, and nothing that is no number.
std::vector<double> bell(std::size_t bins) {
  std::vector<double> shares(bins, 0);
  const std::size_t real = bins - 1;
  for (std::size_t i = 0; i < real; ++i) {
    const double z = (static_cast<double>(i) + 0.5 - static_cast<double>(real) / 2) / (static_cast<double>(real) / 5);
    shares[i] = std::exp(-z * z / 2);
  }
  return shares;
}

std::string feature_name(std::size_t number) {
  return "feature_" + std::to_string(number + 1);
}

wire::HealthSample health_of(const Entry& entry) {
  const auto number = static_cast<double>(entry.content % 1000);
  wire::HealthSample sample;
  sample.at = instant_from_ms(entry.start_ms);
  sample.cpu_percent = 20 + number / 50;
  sample.memory_used_mb = 1200 + number / 10;
  sample.memory_total_mb = 4096;
  sample.disk_free_mb = 9800 - number;
  sample.disk_total_mb = 16384;
  sample.cpu_temperature_c = 48 + number / 100;
  sample.uptime_s = 86'400 + number;
  sample.agent_rss_mb = 9.5;
  sample.clock_synchronised = 1;
  return sample;
}

// The generator of one window's choice among what was drawn.
struct Choice {
  std::uint64_t state;
  std::size_t of(std::size_t count) {
    state = state * 0x5851F42D4C957F2D + 0x14057B7EF767814F;
    return static_cast<std::size_t>((state >> 33) * count >> 31);
  }
};

}  // namespace

TelemetryMaker::TelemetryMaker(std::uint64_t seed, WindowShape shape)
    : shape_(std::move(shape)), bin_shares_(bell(shape_.bins)) {
  Rng rng(seed);
  draw_latencies(rng);
  draw_classes(rng);
  draw_features(rng);
  for (std::size_t i = 0; i < drawn_counts; ++i) {
    Counts counts;
    counts.errors = part_of(shape_.inferences, error_share, rng);
    counts.labelled = part_of(shape_.inferences, labelled_share, rng);
    counts.correct = part_of(counts.labelled, correct_share, rng);
    counts_.push_back(counts);
  }
}

void TelemetryMaker::draw_latencies(Rng& rng) {
  for (std::size_t level = 0; level < latency_levels; ++level) {
    const double place = static_cast<double>(level) / static_cast<double>(latency_levels - 1);
    const double median_ms = fastest_ms * std::pow(slowest_ms / fastest_ms, place);
    auto& drawn = latencies_.emplace_back();
    for (std::size_t i = 0; i < drawn_latencies; ++i) {
      LogHistogram histogram;
      for (std::uint64_t each = 0; each < shape_.inferences; ++each)
        histogram.add(median_ms * std::exp(latency_sigma * rng.normal()));
      drawn.push_back(histogram.encode());
    }
  }
}

void TelemetryMaker::draw_classes(Rng& rng) {
  const std::vector<double> shares(shape_.classes, 1);
  for (std::size_t i = 0; i < drawn_classes; ++i) {
    const auto counts = draw_counts(shares, shape_.classes == 0 ? 0 : shape_.inferences, rng);
    wire::CborWriter writer(classes_.emplace_back());
    writer.map(counts.size());
    for (std::size_t label = 0; label < counts.size(); ++label) {
      writer.integer(static_cast<std::int64_t>(label));
      writer.unsigned_integer(counts[label]);
    }
  }
}

void TelemetryMaker::draw_features(Rng& rng) {
  for (std::size_t i = 0; i < drawn_features; ++i) {
    wire::CborWriter writer(features_.emplace_back());
    writer.array(shape_.features);
    for (std::size_t number = 0; number < shape_.features; ++number) {
      const auto counts = draw_counts(bin_shares_, shape_.inferences, rng);
      writer.array(2);
      writer.text(feature_name(number));
      writer.array(counts.size());
      for (const auto count : counts) writer.unsigned_integer(count);
    }
  }
}

// Key by key as common/wire/telemetry.cpp writes a window, which telemetry_maker_test holds it to.
void TelemetryMaker::write_window(Bytes& out, const Entry& entry, std::size_t level) const {
  Choice choice{entry.content * 0x9E3779B97F4A7C15ULL + 1};
  const Counts& counts = counts_[choice.of(counts_.size())];
  wire::CborWriter writer(out);
  writer.map(11);
  writer.text("start");
  writer.integer(entry.start_ms);
  writer.text("end");
  writer.integer(entry.start_ms + entry.length_ms);
  writer.text("model");
  writer.text(shape_.model);
  writer.text("version");
  writer.text(shape_.version);
  writer.text("count");
  writer.unsigned_integer(shape_.inferences);
  writer.text("errors");
  writer.unsigned_integer(counts.errors);
  writer.text("labelled");
  writer.unsigned_integer(counts.labelled);
  writer.text("correct");
  writer.unsigned_integer(counts.correct);
  writer.text("latency");
  writer.bytes(latencies_[level][choice.of(drawn_latencies)]);
  writer.text("classes");
  writer.item(classes_[choice.of(classes_.size())]);
  writer.text("features");
  writer.item(features_[choice.of(features_.size())]);
}

void TelemetryMaker::write_record(Bytes& out, std::uint64_t seq, const Entry& entry, std::size_t level) const {
  wire::CborWriter writer(out);
  if (entry.is_health != 0) return writer.item(wire::encode_record({seq, health_of(entry)}));
  writer.map(2);
  writer.text("seq");
  writer.unsigned_integer(seq);
  writer.text("window");
  write_window(out, entry, level);
}

Bytes TelemetryMaker::batch(const std::string& device, const DeviceOutbox& outbox, std::uint64_t first,
                            std::size_t count, std::size_t level, std::int64_t sent_at_ms) const {
  wire::StoredBatch batch;
  batch.device = device;
  batch.epoch = outbox.epoch();
  batch.oldest = outbox.before() + 1;
  batch.since = outbox.since();
  batch.refused = outbox.refused();
  batch.sent_at = instant_from_ms(sent_at_ms);
  batch.chain.push_back(outbox.link(first - 1));
  batch.records.reserve(count);
  for (std::uint64_t seq = first; seq < first + count; ++seq) {
    batch.records.emplace_back().reserve(record_bytes);
    write_record(batch.records.back(), seq, outbox.entry(seq), level);
    batch.chain.push_back(outbox.link(seq));
  }
  return wire::encode(batch);
}

Bytes TelemetryMaker::repeated_batch(const std::string& device, const std::string& epoch,
                                     const DeviceOutbox::Stored& stored, std::size_t level,
                                     std::int64_t sent_at_ms) const {
  wire::StoredBatch batch;
  batch.device = device;
  batch.epoch = epoch;
  batch.oldest = stored.seq;
  batch.since = stored.seq - 1;
  batch.sent_at = instant_from_ms(sent_at_ms);
  batch.chain = {stored.before, stored.link};
  write_record(batch.records.emplace_back(), stored.seq, stored.entry, level);
  return wire::encode(batch);
}

std::string TelemetryMaker::reference_json() const {
  auto features = nlohmann::json::array();
  double sum = 0;
  for (const double share : bin_shares_) sum += share;
  std::vector<std::uint64_t> counts;
  for (const double share : bin_shares_)
    counts.push_back(static_cast<std::uint64_t>(std::llround(share / sum * reference_samples)));
  std::vector<double> edges;
  for (std::size_t i = 0; i + 2 < shape_.bins; ++i) edges.push_back(static_cast<double>(i));
  for (std::size_t number = 0; number < shape_.features; ++number)
    features.push_back({{"name", feature_name(number)}, {"edges", edges}, {"counts", counts}});
  return nlohmann::json{{"features", features}}.dump();
}

}  // namespace argosy::fleet_load
