#include "server/drift/judged_reference.hpp"

#include <algorithm>
#include <array>

#include "common/json/json_reader.hpp"
#include "common/stats/bins.hpp"
#include "common/stats/reference.hpp"

namespace argosy::server {

namespace {

constexpr std::size_t most_features_read = 256;
constexpr int classes_apart = 20;

std::vector<double> edges_of_classes() {
  std::vector<double> edges;
  for (int i = 0; i <= classes_apart; ++i) edges.push_back(i - 0.5);
  return edges;
}

std::vector<double> edges_of_confidences() {
  std::vector<double> edges;
  for (std::size_t i = 1; i < wire::confidence_bins; ++i)
    edges.push_back(static_cast<double>(i) / static_cast<double>(wire::confidence_bins));
  return edges;
}

std::vector<JudgedFeature> of_predictions() {
  const std::vector<double> nats{0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1, 1.5, 2, 3, 5};
  return {{{class_feature, edges_of_classes(), {}}},
          {{confidence_feature, edges_of_confidences(), {}}},
          {{entropy_feature, nats, {}}}};
}

JudgedFeature judged(wire::FeatureReference reference, const InputContract& contract) {
  JudgedFeature feature{std::move(reference)};
  const auto& [name, edges, counts] = feature.reference;
  feature.fault = fault_of_reference(counts).value_or("");
  if (feature.fault.empty()) feature.contract = contract_of(name, edges, counts);
  for (const auto& named : contract.features) {
    if (named.name == name) feature.contract = named;
  }
  if (feature.contract) feature.kinds = bin_kinds(*feature.contract, edges, counts);
  return feature;
}

const HistogramCounts* counts_of(const std::vector<wire::FeatureCounts>& features, const JudgedFeature& of,
                                 std::size_t likely) {
  const auto fits = [&of](const wire::FeatureCounts& feature) { return feature.name == of.reference.name; };
  auto found = features.end();
  if (likely < features.size() && fits(features[likely]))
    found = features.begin() + static_cast<std::ptrdiff_t>(likely);
  if (found == features.end()) found = std::find_if(features.begin(), features.end(), fits);
  return found != features.end() && found->counts.size() == of.bins() ? &found->counts : nullptr;
}

HistogramCounts counts_of_classes(const JudgedFeature& of, const wire::Classes& classes) {
  HistogramCounts counts;
  if (classes.empty()) return counts;
  counts.resize(of.bins());
  for (const auto& [label, count] : classes) counts[bin_of(of.reference.edges, label)] += count;
  return counts;
}

HistogramCounts counts_of_confidences(const JudgedFeature& of, const wire::Confidences& confidences) {
  HistogramCounts counts;
  if (confidences.count() == 0) return counts;
  counts.assign(confidences.bins.begin(), confidences.bins.end());
  counts.resize(of.bins());
  return counts;
}

HistogramCounts counts_of_entropy(const JudgedFeature& of, const wire::NumberSummary& entropy) {
  HistogramCounts counts;
  if (entropy.count == 0) return counts;
  counts.resize(of.bins());
  counts[bin_of(of.reference.edges, entropy.sum / static_cast<double>(entropy.count))] = 1;
  return counts;
}

}  // namespace

bool is_of_predictions(const std::string& feature) {
  return feature == class_feature || feature == confidence_feature || feature == entropy_feature;
}

std::vector<wire::FeatureReference> reference_of_json(const std::string& text) {
  std::vector<wire::FeatureReference> features;
  auto document = JsonReader::parse(text, stored_json, UnknownKeys::pass);
  if (!document) return features;
  document->objects("features", most_features_read, features, [](JsonReader& entry, wire::FeatureReference& feature) {
    entry.required("name", feature.name).optional("edges", feature.edges).optional("counts", feature.counts);
  });
  if (!document->finish()) features.clear();
  std::erase_if(features, [](const wire::FeatureReference& feature) {
    return !check_edges(feature.edges) || feature.counts.size() != bins_of_edges(feature.edges.size());
  });
  return features;
}

JudgedReference judged_reference(std::vector<wire::FeatureReference> features, InputContract contract) {
  auto model = std::make_shared<JudgedModel>();
  for (auto& feature : features) model->features.push_back(judged(std::move(feature), contract));
  model->inputs = model->features.size();
  for (auto& feature : of_predictions()) model->features.push_back(std::move(feature));
  model->contract = std::move(contract);
  return model;
}

HeardWindow heard_of(const JudgedModel& model, const TakenWindow& window) {
  HeardWindow heard{window.started_at, std::chrono::duration_cast<Duration>(window.ended_at - window.started_at),
                    window.count, std::vector<HistogramCounts>(model.features.size()), window.errors};
  for (std::size_t place = 0; place < model.inputs; ++place) {
    if (const auto* counts = counts_of(window.features, model.features[place], place)) heard.counts[place] = *counts;
  }
  const auto at = model.inputs;
  heard.counts[at] = counts_of_classes(model.features[at], window.classes);
  heard.counts[at + 1] = counts_of_confidences(model.features[at + 1], window.confidences);
  heard.counts[at + 2] = counts_of_entropy(model.features[at + 2], window.entropy);
  return heard;
}

}  // namespace argosy::server
