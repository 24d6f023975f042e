// What the inputs of a model promise to be: a range, how often they may be no number, whether they vary, and how many
// there are. Made from the release's reference, and looked at before anybody speaks of drift. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace argosy {

struct FeatureContract {
  std::string name;
  double least = 0;
  double most = 0;
  double not_numbers = 0;  // the largest share that may be no number
  bool varies = true;
  friend bool operator==(const FeatureContract&, const FeatureContract&) = default;
};

struct InputContract {
  std::vector<FeatureContract> features;
  std::optional<double> least_per_minute = {};  // inferences
  std::optional<double> most_per_minute = {};
  bool is_empty() const { return features.empty() && !least_per_minute && !most_per_minute; }
  friend bool operator==(const InputContract&, const InputContract&) = default;
};

// The range is what the reference saw and half its width more, either way; none without counts.
std::optional<FeatureContract> contract_of(std::string name, std::span<const double> edges,
                                           std::span<const std::uint64_t> counts);

// What a bin holds, as the contract sees it: the parts of what a feature can do wrong.
enum class BinKind : std::uint8_t {
  good,
  zero,   // zeros, and nothing else
  small,  // of another scale: under a fiftieth of the largest, where nothing negative belongs
  open,   // under the first or over the last edge, where the reference has nothing: how far is not known
  out,    // outside of the range
  far,    // outside by more than its width
  not_a_number,
};
// Of each bin of those edges. Zero and small only where the reference has next to nothing.
std::vector<BinKind> bin_kinds(const FeatureContract& contract, std::span<const double> edges,
                               std::span<const std::uint64_t> counts);

}  // namespace argosy
