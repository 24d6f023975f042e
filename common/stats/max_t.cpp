#include "common/stats/max_t.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

namespace argosy {

namespace {

// What a device adds to each metric's standardized statistic as a canary, row after row.
struct StandardizedParts {
  std::size_t metrics = 0;
  std::vector<DevicePlace> places{};
  std::vector<double> parts{};

  double& of(std::uint32_t device, std::size_t metric) { return parts[device * metrics + metric]; }
};

StandardizedParts complete_devices(const MetricFamily& family) {
  StandardizedParts all{.metrics = family.margins.size()};
  for (std::size_t i = 0; i < family.devices.size(); ++i) {
    const auto row = family.harms.subspan(i * all.metrics, all.metrics);
    if (!std::all_of(row.begin(), row.end(), [](double harm) { return std::isfinite(harm); })) continue;
    const bool is_canary = family.devices[i].arm == Arm::canary;
    all.places.push_back(family.devices[i]);
    for (std::size_t m = 0; m < all.metrics; ++m) all.parts.push_back(row[m] - (is_canary ? family.margins[m] : 0));
  }
  return all;
}

// Centres each class and scales, as for one metric alone, and divides by the standard deviation over all assignments:
// of a sum of c out of n centred parts, c (n - c) / (n (n - 1)) times their sum of squares. Returns theta's scale.
double standardize(StandardizedParts& all, const Assignments& assignments, std::size_t metric) {
  const auto canaries = static_cast<double>(assignments.canaries());
  double variance = 0;
  double largest = 0;
  for (const auto& of_class : assignments.classes()) {
    const auto n = static_cast<double>(of_class.devices.size());
    const auto c = static_cast<double>(of_class.canaries);
    double mean = 0;
    for (const auto device : of_class.devices) mean += all.of(device, metric) / n;
    double squares = 0;
    for (const auto device : of_class.devices) {
      double& part = all.of(device, metric);
      largest = std::max(largest, std::abs(part));
      part = (part - mean) * n / (n - c) / canaries;
      squares += part * part;
    }
    variance += c * (n - c) / (n * (n - 1)) * squares;
  }
  const double sigma = std::sqrt(variance);
  const bool varies = sigma > largest * 1e-12;
  for (const auto& of_class : assignments.classes())
    for (const auto device : of_class.devices) all.of(device, metric) *= varies ? 1 / sigma : 0;
  return varies ? sigma : 0;
}

void sum_into(std::vector<double>& sums, std::span<const std::uint32_t> canaries, const StandardizedParts& all) {
  std::fill(sums.begin(), sums.end(), 0.0);
  for (const auto device : canaries)
    for (std::size_t m = 0; m < all.metrics; ++m) sums[m] += all.parts[device * all.metrics + m];
}

// Counts of assignments at least as harmful as what was seen, by each of the three rules.
class HarmfulCounts {
 public:
  explicit HarmfulCounts(const std::vector<double>& seen)
      : seen_(seen), order_(seen.size()), alone_(seen.size()), single_(seen.size()), down_(seen.size()) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [&](auto a, auto b) { return seen_[a] > seen_[b]; });
  }

  void take(const std::vector<double>& sums) {
    ++taken_;
    const double largest = *std::max_element(sums.begin(), sums.end());
    double largest_of_rest = sums[order_.back()];
    for (std::size_t i = order_.size(); i-- > 0;) {
      const auto m = order_[i];
      largest_of_rest = std::max(largest_of_rest, sums[m]);
      alone_[m] += is_as_harmful(sums[m], m) ? 1 : 0;
      single_[m] += is_as_harmful(largest, m) ? 1 : 0;
      down_[m] += is_as_harmful(largest_of_rest, m) ? 1 : 0;
    }
  }

  // `own` is 1 where what was seen is not among those taken, and counts with them.
  void settle(std::vector<FamilyMember>& members, int own) const {
    const auto share = [&](std::uint64_t count) {
      return (static_cast<double>(count) + own) / (static_cast<double>(taken_) + own);
    };
    double worst = 0;
    for (const auto m : order_) {
      worst = std::max(worst, share(down_[m]));
      members[m].p = share(alone_[m]);
      members[m].p_single_step = share(single_[m]);
      members[m].p_step_down = worst;
    }
  }

 private:
  // Sums of the same numbers in another order are equal here.
  bool is_as_harmful(double sum, std::size_t metric) const { return sum >= seen_[metric] - 1e-9; }

  const std::vector<double>& seen_;
  std::vector<std::size_t> order_;  // the most harmful first
  std::vector<std::uint64_t> alone_;
  std::vector<std::uint64_t> single_;
  std::vector<std::uint64_t> down_;
  std::uint64_t taken_ = 0;
};

Result<void> check_sizes(const MetricFamily& family) {
  if (family.margins.empty()) return make_error(Errc::invalid_argument, "a family needs a metric");
  if (family.harms.size() != family.devices.size() * family.margins.size())
    return make_error(Errc::invalid_argument, std::to_string(family.devices.size()) + " devices with " +
                                                  std::to_string(family.margins.size()) + " metrics do not have " +
                                                  std::to_string(family.harms.size()) + " figures");
  return {};
}

std::vector<std::uint32_t> canaries_that_were(const Assignments& assignments, const StandardizedParts& all) {
  std::vector<std::uint32_t> canaries;
  canaries.reserve(assignments.canaries());
  for (const auto& of_class : assignments.classes())
    for (const auto device : of_class.devices)
      if (all.places[device].arm == Arm::canary) canaries.push_back(device);
  return canaries;
}

void take_all(HarmfulCounts& counts, Assignments& assignments, const StandardizedParts& all) {
  std::vector<double> sums(all.metrics);
  assignments.begin();
  do {
    sum_into(sums, assignments.now(), all);
    counts.take(sums);
  } while (assignments.next());
}

void take_drawn(HarmfulCounts& counts, Assignments& assignments, const StandardizedParts& all, std::uint32_t draws) {
  std::vector<double> sums(all.metrics);
  for (std::uint32_t draw = 0; draw < draws; ++draw) {
    assignments.draw();
    sum_into(sums, assignments.now(), all);
    counts.take(sums);
  }
}

}  // namespace

Result<std::vector<FamilyMember>> max_t_test(const MetricFamily& family, const PermutationPlan& plan) {
  ARGOSY_CHECK(check_sizes(family));
  auto all = complete_devices(family);
  Assignments assignments(all.places, plan.seed);
  if (assignments.classes().empty())
    return make_error(Errc::unavailable, "no class has both a canary and a control device with figures");
  std::vector<double> scales(all.metrics);
  for (std::size_t m = 0; m < all.metrics; ++m) scales[m] = standardize(all, assignments, m);

  std::vector<double> seen(all.metrics);
  sum_into(seen, canaries_that_were(assignments, all), all);
  std::vector<FamilyMember> members(all.metrics);
  for (std::size_t m = 0; m < all.metrics; ++m)
    members[m] = {.theta = seen[m] * scales[m] + family.margins[m], .standardized = seen[m]};

  HarmfulCounts counts(seen);
  const bool is_exact = assignments.count() <= plan.exact_up_to + 0.5;
  if (is_exact)
    take_all(counts, assignments, all);
  else
    take_drawn(counts, assignments, all, plan.most_draws);
  counts.settle(members, is_exact ? 0 : 1);
  return members;
}

}  // namespace argosy
