// Whether a device keeps to the input contract of what it serves, window by window. Pure; a part of what drift
// remembers of a pair (evidence.hpp), some 20 bytes a feature when packed.
//
// What a feature does wrong is looked at as shares of its newest values: each window weighs 0.85 of the one after it,
// so that about ten count. A breach that is open ends well under where it opens.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/instant.hpp"
#include "server/drift/judged_reference.hpp"

namespace argosy::server {

class Packer;
class Unpacker;

enum class ContractFault : std::uint8_t { none, missing, not_a_number, all_zero, unit, range, stuck, rate };
std::string_view to_string(ContractFault fault);
ContractFault contract_fault_of(std::string_view text);  // of what to_string wrote; none for any other

struct ContractRule {
  double weight_kept = 0.85;   // of what came before, with each window
  double least_samples = 4;    // that weigh; fewer say nothing
  double out_share = 0.2;      // of values out of the range
  double open_share = 0.8;     // with those beyond the last edges of a reference that has no bins further out
  double scale_share = 0.8;    // of values of another scale
  double zero_share = 0.95;    // of zeros
  double kept_share = 0.5;     // of each of these: under it a breach ends
  double z = 1.96;             // of the lower bound of what is out of range, or no number, of few samples
  double least_windows = 2.5;  // that weigh, with such values each: three in a row; a burst of one breaks nothing
  double rate_z = 4;           // a rate that is not as promised by less than so many sigmas breaks nothing
  std::uint64_t missing_windows = 10;  // in a row with answers and without the feature,
  std::uint64_t missing_gaps = 4;      // and so many times as many as it was away for before: some come now and then
  std::uint64_t stuck_samples = 60;    // in a row in one bin
  double stuck_looks = 1;              // and for so many times as long as drift looks back: a night may lie in one bin;
  double stuck_stays = 6;              // and as it has stood still before: from Friday to Monday is longer than a night
  std::uint64_t least_changes = 20;  // of its bin before: what never changes on this device is no sensor that is stuck
  double longest_of_usual = 2;       // what a window counts for in the rate, beside the usual length of windows
  Duration longest_gap{3'600'000};   // between samples of a feature that stands still
};

struct ContractBreach {
  std::string feature;  // empty: of the rate
  ContractFault fault = ContractFault::none;
  double value = 0;  // the share, windows, hours or inferences a minute that decided
  friend bool operator==(const ContractBreach&, const ContractBreach&) = default;
};
// One sentence for a person: what is wrong and where to look.
std::string describe_breach(const JudgedModel& model, const ContractBreach& breach);

// Of all values of one feature, those that break the contract, beyond what it lets be no number; all where the feature
// is missing. Of the feature that fares worst. Nothing: there is no contract, or nothing to hold against it.
struct ContractScore {
  double broken = 0;
  std::uint64_t samples = 0;
};
// `can_miss`: a feature that is not among `present` is not there, and not merely left out.
std::optional<ContractScore> contract_score(const JudgedModel& model,
                                            const std::map<std::string, HistogramCounts>& present, bool can_miss);

class ContractWatch {
 public:
  explicit ContractWatch(std::size_t inputs) : features_(inputs) {}

  void add(const ContractRule& rule, const JudgedModel& model, const HeardWindow& window);
  // What is broken now. `peers_have(place)`: whether others that serve the release send the feature.
  template <class PeersHave>
  std::vector<ContractBreach> judge(const ContractRule& rule, const JudgedModel& model, Duration look,
                                    PeersHave peers_have) {
    std::vector<ContractBreach> breaches;
    for (std::size_t place = 0; place < features_.size(); ++place)
      add_breach(judge_feature(rule, model.features[place], place, look, peers_have(place)), breaches);
    add_breach(judge_rate(rule, model.contract), breaches);
    return breaches;
  }
  // That were broken when it was judged last.
  std::vector<ContractFault> faults() const;

  void put(Packer& out) const;
  void take(Unpacker& in);

 private:
  // Of values, but for odd_windows: those in which too many are out of range or no number.
  enum Part : std::uint8_t { zero, small, open, out, far, not_numbers, odd_windows, parts };
  struct Feature {
    double total = 0;
    double part[parts] = {};
    std::uint64_t windows_without = 0;
    bool was_there = false;
    std::optional<std::uint64_t> gap = {};  // the most windows of late between two with it; none: it came once
    std::uint64_t bin = 0;                  // that all newest values lie in
    std::uint64_t samples_in_bin = 0;
    Instant in_bin_since{};
    Instant in_bin_until{};
    std::uint64_t changes = 0;       // of its bin, as many as count
    std::uint64_t minutes_stay = 0;  // that it stood still for, the most of late
    ContractFault fault = ContractFault::none;
  };
  void add_counts(const ContractRule& rule, const JudgedFeature& of, Feature& feature, const HistogramCounts& counts,
                  Instant at);
  static void leave_bin(const ContractRule& rule, Feature& feature);
  void add_to_rate(const ContractRule& rule, const HeardWindow& window);
  bool tells_predictions(const HeardWindow& window) const;
  static bool is_missing(const ContractRule& rule, const Feature& feature, bool expected_by_peers);
  ContractBreach judge_feature(const ContractRule& rule, const JudgedFeature& of, std::size_t place, Duration look,
                               bool peers_have);
  static bool is_stuck(const ContractRule& rule, const JudgedFeature& of, const Feature& feature, Duration look);
  ContractBreach judge_rate(const ContractRule& rule, const InputContract& contract);
  static void add_breach(ContractBreach breach, std::vector<ContractBreach>& breaches);

  std::vector<Feature> features_;
  double minutes_ = 0;
  double inferences_ = 0;
  std::uint64_t windows_ = 0;
  ContractFault rate_fault_ = ContractFault::none;
  bool has_predicted_ = false;  // it told of predictions: a program speaks, nobody reads the counters of a model server
};

}  // namespace argosy::server
