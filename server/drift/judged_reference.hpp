// What the inputs and outputs of a release are judged by: the features of its reference with their contract, and its
// predictions, which have bins alone and are compared with the device's own first days. Pure; shared, and never changed
// once made.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/stats/input_contract.hpp"
#include "common/wire/desired.hpp"
#include "server/telemetry/telemetry.hpp"

namespace argosy::server {

using HistogramCounts = std::vector<std::uint64_t>;

struct JudgedFeature {
  wire::FeatureReference reference;  // counts: empty where there is nothing to compare with
  std::vector<BinKind> kinds = {};   // of each bin, by the contract
  std::optional<FeatureContract> contract = {};
  std::string fault = {};  // why its counts will not do
  bool has_reference() const { return !reference.counts.empty() && fault.empty(); }
  std::size_t bins() const { return reference.edges.size() + 2; }
  friend bool operator==(const JudgedFeature&, const JudgedFeature&) = default;
};

struct JudgedModel {
  std::vector<JudgedFeature> features;  // those of the reference, then those of predictions
  std::size_t inputs = 0;               // so many of them are of the reference
  InputContract contract;
  friend bool operator==(const JudgedModel&, const JudgedModel&) = default;
};
using JudgedReference = std::shared_ptr<const JudgedModel>;

// No release has features of these names: they hold a dot.
inline constexpr const char* class_feature = "prediction.class";            // the first 20 classes, others together
inline constexpr const char* confidence_feature = "prediction.confidence";  // of the predicted class
inline constexpr const char* entropy_feature = "prediction.entropy";        // the mean of each window
bool is_of_predictions(const std::string& feature);

// What releases.reference holds; features without counts, or whose bins do not fit them, are left out.
std::vector<wire::FeatureReference> reference_of_json(const std::string& text);

// A feature that the contract does not name has the one that its reference makes.
JudgedReference judged_reference(std::vector<wire::FeatureReference> features, InputContract contract = {});

// What drift keeps of a window.
struct HeardWindow {
  Instant started_at{};
  Duration length{};
  std::uint64_t inferences = 0;
  std::vector<HistogramCounts> counts = {};  // by the place of the feature; empty: the window has none that count
  std::uint64_t failed = 0;                  // of the inferences; they have neither features nor predictions
};
HeardWindow heard_of(const JudgedModel& model, const TakenWindow& window);

}  // namespace argosy::server
