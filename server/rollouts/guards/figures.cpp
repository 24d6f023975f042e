#include "server/rollouts/guards/figures.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace argosy::server {
namespace {

using nlohmann::json;

// Sums over many windows stay numbers that fit, whatever a device sends.
void add_up(std::uint64_t& sum, std::uint64_t more) {
  constexpr std::uint64_t most = 1ULL << 62;
  sum = std::min(most, std::min(most, sum) + std::min(most, more));
}

void add(WeightedMean& mean, const std::optional<double>& value) {
  if (value) mean.add(*value, 1);
}

struct CountField {
  const char* key;
  std::uint64_t Figures::*member;
};
constexpr std::array count_fields{CountField{"w", &Figures::windows}, CountField{"n", &Figures::count},
                                  CountField{"e", &Figures::errors}, CountField{"l", &Figures::labelled},
                                  CountField{"c", &Figures::correct}};

struct MeanField {
  const char* key;
  WeightedMean Figures::*member;
};
constexpr std::array mean_fields{MeanField{"m", &Figures::memory_mb}, MeanField{"t", &Figures::temperature_c},
                                 MeanField{"p", &Figures::power_w}, MeanField{"f", &Figures::confidence}};

json encode(const WeightedMean& mean) {
  return {mean.sum, mean.weight};
}
WeightedMean decode_mean(const json& document) {
  return {document.at(0).get<double>(), document.at(1).get<double>()};
}

std::int64_t milliseconds_of(Instant at) {
  return at.time_since_epoch().count();
}

}  // namespace

void add(Figures& figures, const TakenWindow& window) {
  add_up(figures.windows, 1);
  figures.exposure += std::max(Duration{0}, window.ended_at - window.started_at);
  add_up(figures.count, window.count);
  add_up(figures.errors, window.errors);
  add_up(figures.labelled, window.labelled);
  add_up(figures.correct, window.correct);
  figures.latency.merge(window.latency);
  figures.confidence.merge(mean_of(window.confidences));
  for (const auto& [name, seen] : window.numbers)
    if (figures.numbers.size() < Figures::most_numbers || figures.numbers.contains(name))
      figures.numbers[name].merge(mean_of(seen));
  figures.last = std::max(figures.last.value_or(window.ended_at), window.ended_at);
}

void add(Figures& figures, const wire::HealthSample& sample) {
  add(figures.memory_mb, sample.memory_used_mb);
  add(figures.temperature_c, sample.cpu_temperature_c);
  add(figures.power_w, sample.power_w);
}

// Counts over other bins than before are of another release's reference, or nobody's: they begin anew.
void add_features(Figures& figures, const std::vector<wire::FeatureCounts>& features) {
  for (const auto& [name, counts] : features) {
    if (counts.size() > Figures::most_bins) continue;
    if (figures.features.size() >= Figures::most_features && !figures.features.contains(name)) continue;
    auto& sums = figures.features[name];
    if (sums.size() != counts.size()) sums.assign(counts.size(), 0);
    for (std::size_t bin = 0; bin < counts.size(); ++bin) add_up(sums[bin], counts[bin]);
  }
}

Bytes encode(const Figures& figures) {
  json document{{"s", figures.exposure.count()}, {"h", json::binary(figures.latency.encode())}};
  for (const auto& field : count_fields) document[field.key] = figures.*field.member;
  for (const auto& field : mean_fields) {
    const WeightedMean& mean = figures.*field.member;
    if (mean.weight > 0) document[field.key] = encode(mean);
  }
  for (const auto& [name, mean] : figures.numbers) document["u"][name] = encode(mean);
  if (!figures.features.empty()) document["x"] = figures.features;
  if (figures.last) document["a"] = milliseconds_of(*figures.last);
  return json::to_cbor(document);
}

Result<Figures> decode_figures(ByteView bytes) {
  if (bytes.size() > Figures::encoded_limit) return make_error(Errc::corrupt, "figures of a device are too long");
  const auto document = json::from_cbor(bytes.begin(), bytes.end(), true, false);
  if (!document.is_object()) return make_error(Errc::corrupt, "figures of a device are no CBOR map");
  try {
    Figures figures;
    figures.exposure = Duration{document.at("s").get<std::int64_t>()};
    for (const auto& field : count_fields) figures.*field.member = document.at(field.key).get<std::uint64_t>();
    for (const auto& field : mean_fields) {
      if (!document.contains(field.key)) continue;
      figures.*field.member = decode_mean(document[field.key]);
    }
    if (document.contains("u"))
      for (const auto& [name, mean] : document["u"].items()) figures.numbers.emplace(name, decode_mean(mean));
    if (document.contains("x"))
      figures.features = document["x"].get<std::map<std::string, std::vector<std::uint64_t>>>();
    if (document.contains("a")) figures.last = Instant{Duration{document["a"].get<std::int64_t>()}};
    ARGOSY_TRY(figures.latency, LogHistogram::decode(document.at("h").get_binary()));
    return figures;
  } catch (const json::exception&) {
    return make_error(Errc::corrupt, "figures of a device lack a field, or it has another type");
  }
}

}  // namespace argosy::server
