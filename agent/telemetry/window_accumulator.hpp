// Folds observations into windows per model and version, and remembers enough of the last ones to compare versions.
// Pure; one owner. Bounded: 32 versions at a time, 1,000 classes, 16 named numbers and 4 tags of 8 values a
// window; versions, numbers and tags over that are counted as dropped, further values of a tag together. A version that
// the agent installed or looks at keeps its place before those that only programs name.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/telemetry/observation.hpp"
#include "agent/update/update_state.hpp"
#include "common/stats/bins.hpp"
#include "common/stats/calibration.hpp"
#include "common/stats/log_histogram.hpp"
#include "common/wire/telemetry.hpp"

namespace argosy::agent {

class WindowAccumulator {
 public:
  static constexpr std::size_t max_versions = 32;
  static constexpr std::size_t max_classes = 1000;
  static constexpr std::size_t remembered_windows = 30;

  // feature_interval: at most one sample of the features in this time; 0 takes all.
  explicit WindowAccumulator(Instant now, Duration feature_interval = Duration{0})
      : started_at_(now), feature_interval_(feature_interval) {}

  // The bins that came with a release; windows from the next on use them.
  void set_features(const std::string& model, const std::string& version,
                    const std::vector<wire::FeatureReference>& features);
  // What the version's validation found of its confidence: accuracy is estimated by it from now on.
  void set_calibration(const std::string& model, const std::string& version, const Calibration& calibration);
  // `serving` is the version for an observation that names none.
  void add(const Observation& observation, const std::string& serving, Instant now);
  // A label that came now, of an inference that this version answered at `answered_at`.
  void add_late_label(const std::string& model, const std::string& version, bool is_right, Instant answered_at,
                      Instant now);
  // What a program counted by itself: `count` inferences, `errors` of them failed.
  void add_counts(const std::string& model, const std::string& version, std::uint64_t count, std::uint64_t errors,
                  const LogHistogram& latency_ms, Instant now);
  // One window for each version that saw traffic since the last call. Where only labels came, of a version that answers
  // nothing any more, it has no length and lies where the newest of their inferences were.
  std::vector<wire::InferenceWindow> close(Instant now);

  // The clock was set by so much.
  void shift(Duration by);

  // Of the remembered windows and the present one.
  Baseline baseline(const std::string& model, const std::string& version) const;
  // Since begin_probation; program_down is not known here.
  void begin_probation(const std::string& model, const std::string& version);
  ProbationTotals probation_totals(const std::string& model, const std::string& version) const;

  // Inferences and labels of no version, or of more than there is room for.
  std::uint64_t dropped() const { return dropped_; }
  // Values under names of which the window had too many.
  std::uint64_t dropped_numbers() const { return dropped_numbers_; }
  // Tags of which the window had too many.
  std::uint64_t dropped_tags() const { return dropped_tags_; }

 private:
  struct Key {
    std::string model, version;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Feature {
    std::string name;
    BinCounts bins;
  };
  struct Entry {
    std::uint64_t count = 0, errors = 0, labelled = 0, correct = 0;
    LogHistogram latency_ms;
    wire::Classes classes;
    std::vector<Feature> features;
    Instant features_at{};
    std::optional<Calibration> calibration;
    wire::Numbers numbers;  // those of the window before keep their place
    wire::Confidences confidences;
    wire::NumberSummary entropy;
    wire::NumberSummary labels_later, labels_delay_s, estimated_accuracy;
    Instant late_answered_at{};  // the newest inference of those labels
    wire::Tags tags;
    std::deque<LogHistogram> remembered;
    std::uint64_t probation_count = 0, probation_errors = 0;
    LogHistogram probation_latency_ms;
    Instant used_at{};
    bool is_installed = false;  // the agent's own doing, not a name in an observation
  };

  Entry* entry(const Key& key, Instant now);
  Entry* installed_entry(const Key& key, Instant now);
  bool make_room(bool for_installed);
  void count_features(Entry& entry, const Observation& observation, Instant now);
  void count_numbers(Entry& entry, const Observation& observation);
  static bool is_empty(const Entry& entry) { return entry.count == 0 && entry.labels_later.count == 0; }
  static void take_agents_numbers(wire::Numbers& numbers, Entry& entry);
  static wire::InferenceWindow window_of(const Key& key, Entry& entry);

  std::map<Key, Entry> entries_;
  Instant started_at_;
  Duration feature_interval_;
  std::uint64_t dropped_ = 0;
  std::uint64_t dropped_numbers_ = 0;
  std::uint64_t dropped_tags_ = 0;
};

}  // namespace argosy::agent
