#include "server/drift/contract_watch.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

#include "common/stats/accuracy.hpp"
#include "common/stats/bins.hpp"
#include "server/telemetry/packed.hpp"

namespace argosy::server {

namespace {

constexpr std::array<std::string_view, 8> fault_names{"none", "missing", "not_a_number", "all_zero",
                                                      "unit", "range",   "stuck",        "rate"};
constexpr double weight_steps = 64;  // weights are packed to a sixty-fourth of a sample
constexpr double most_weight = 1e12;
constexpr std::uint64_t windows_of_rate = 10;
constexpr std::uint64_t flags_of_fault = 2 * fault_names.size();
constexpr std::uint64_t most_bins = 4096;   // a bin is packed with what is known of its changes
constexpr std::uint64_t most_changes = 32;  // and these with the longest stay
constexpr std::uint64_t most_minutes = 1'000'000;
constexpr std::uint64_t an_hour = 60;

std::uint64_t packed_weight(double weight) {
  return static_cast<std::uint64_t>(std::lround(std::min(weight, most_weight) * weight_steps));
}
double weight_of(std::uint64_t packed) {
  return static_cast<double>(packed) / weight_steps;
}

double minutes_of(Duration length) {
  return static_cast<double>(length.count()) / 60'000;
}

std::string percent(double share) {
  return std::to_string(std::lround(100 * std::clamp(share, 0.0, 1.0))) + " %";
}

std::string figure(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

// A window in which too many values are out of the range, or no number.
bool is_odd(const ContractRule& rule, const FeatureContract& contract, const std::vector<BinKind>& kinds,
            const HistogramCounts& counts) {
  double outside = 0;
  double not_numbers = 0;
  for (std::size_t bin = 0; bin < std::min(kinds.size(), counts.size()); ++bin) {
    const auto count = static_cast<double>(counts[bin]);
    if (kinds[bin] == BinKind::out || kinds[bin] == BinKind::far) outside += count;
    if (kinds[bin] == BinKind::not_a_number) not_numbers += count;
  }
  const auto samples = static_cast<double>(total_of(counts));
  return outside >= rule.out_share * samples || not_numbers > contract.not_numbers * samples;
}

}  // namespace

std::string_view to_string(ContractFault fault) {
  return fault_names[static_cast<std::size_t>(fault)];
}

ContractFault contract_fault_of(std::string_view text) {
  const auto found = std::find(fault_names.begin(), fault_names.end(), text);
  return found == fault_names.end() ? ContractFault::none : static_cast<ContractFault>(found - fault_names.begin());
}

void ContractWatch::add_counts(const ContractRule& rule, const JudgedFeature& of, Feature& feature,
                               const HistogramCounts& counts, Instant at) {
  const auto samples = total_of(counts);
  feature.total = feature.total * rule.weight_kept + static_cast<double>(samples);
  for (double& part : feature.part) part *= rule.weight_kept;
  std::uint64_t most = 0;
  for (std::size_t bin = 0; bin < counts.size(); ++bin) {
    if (counts[bin] == 0) continue;
    most = std::max(most, counts[bin]);
    const auto kind = bin < of.kinds.size() ? of.kinds[bin] : BinKind::good;
    const auto count = static_cast<double>(counts[bin]);
    if (kind == BinKind::zero) feature.part[zero] += count;
    if (kind == BinKind::small) feature.part[small] += count;
    if (kind == BinKind::open) feature.part[open] += count;
    if (kind == BinKind::out) feature.part[out] += count;
    if (kind == BinKind::far) feature.part[far] += count;
    if (kind == BinKind::not_a_number) feature.part[not_numbers] += count;
  }
  if (of.contract && is_odd(rule, *of.contract, of.kinds, counts)) feature.part[odd_windows] += 1;
  const auto bin = static_cast<std::uint64_t>(std::max_element(counts.begin(), counts.end()) - counts.begin());
  const bool follows = at - feature.in_bin_until <= rule.longest_gap;  // while it was away it did not stand still
  if (most != samples || bin != feature.bin || feature.samples_in_bin == 0 || !follows) {
    if (follows) leave_bin(rule, feature);
    feature.bin = bin;
    feature.samples_in_bin = 0;
    feature.in_bin_since = at;
  }
  feature.samples_in_bin += most == samples ? samples : 0;
  feature.in_bin_until = at;
}

// How long a feature stands still by itself - by night, over a weekend - is learned from hours in which it did.
void ContractWatch::leave_bin(const ContractRule& rule, Feature& feature) {
  feature.changes = std::min({feature.changes + 1, rule.least_changes, most_changes - 1});
  const auto still = std::chrono::floor<std::chrono::minutes>(feature.in_bin_until - feature.in_bin_since).count();
  const auto minutes = std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(0, still)), most_minutes);
  if (minutes < an_hour || feature.fault == ContractFault::stuck) return;
  feature.minutes_stay = std::max(minutes, feature.minutes_stay - feature.minutes_stay / 16);
}

bool ContractWatch::tells_predictions(const HeardWindow& window) const {
  const auto first = window.counts.begin() + static_cast<std::ptrdiff_t>(features_.size());
  return std::any_of(first, window.counts.end(), [](const HistogramCounts& counts) { return total_of(counts) > 0; });
}

void ContractWatch::add(const ContractRule& rule, const JudgedModel& model, const HeardWindow& window) {
  const bool predicts = tells_predictions(window);
  const bool speaks = predicts || !has_predicted_;  // else its model server is asked how many there were, and no more
  const bool answers = window.inferences > window.failed;
  has_predicted_ |= predicts;
  for (std::size_t place = 0; place < features_.size(); ++place) {
    Feature& feature = features_[place];
    const auto& counts = window.counts[place];
    if (counts.empty() || total_of(counts) == 0) {
      feature.windows_without += answers && speaks ? 1 : 0;
      continue;
    }
    // Of how long it was away because it was missing nothing is learned.
    const auto gap = feature.fault == ContractFault::missing ? 0 : feature.windows_without;
    if (feature.was_there) feature.gap = std::max(gap, feature.gap.value_or(0) * 7 / 8);
    feature.windows_without = 0;
    feature.was_there = true;
    add_counts(rule, model.features[place], feature, counts, window.started_at);
  }
  add_to_rate(rule, window);
}

// One whose clock was set while it lasted is as long as it is wrong: it counts for little more than another.
void ContractWatch::add_to_rate(const ContractRule& rule, const HeardWindow& window) {
  const double length = minutes_of(window.length);
  if (length <= 0) return;
  const double weights = (1 - std::pow(rule.weight_kept, static_cast<double>(windows_))) / (1 - rule.weight_kept);
  const double longest = windows_ > 0 ? rule.longest_of_usual * minutes_ / weights : length;
  const double part = std::min(1.0, longest / length);
  minutes_ = minutes_ * rule.weight_kept + part * length;
  inferences_ = inferences_ * rule.weight_kept + part * static_cast<double>(window.inferences);
  ++windows_;
}

// A feature that its program gives once in many windows is not missing between two of them. What peers send and this
// device never did is missing where a program speaks of its predictions alone.
bool ContractWatch::is_missing(const ContractRule& rule, const Feature& feature, bool expected_by_peers) {
  if (!feature.was_there) return expected_by_peers && feature.windows_without >= rule.missing_windows;
  return feature.gap &&
         feature.windows_without >= std::max(rule.missing_windows, rule.missing_gaps * (*feature.gap + 1));
}

ContractBreach ContractWatch::judge_feature(const ContractRule& rule, const JudgedFeature& of, std::size_t place,
                                            Duration look, bool peers_have) {
  Feature& feature = features_[place];
  const auto breach = [&](ContractFault fault, double value) {
    feature.fault = fault;
    return ContractBreach{of.reference.name, fault, value};
  };
  if (is_missing(rule, feature, peers_have && has_predicted_))
    return breach(ContractFault::missing, static_cast<double>(feature.windows_without));
  if (!of.contract) return breach(ContractFault::none, 0);
  if (feature.total < rule.least_samples)
    return breach(feature.fault == ContractFault::missing ? ContractFault::none : feature.fault, 0);
  const auto limit = [&](ContractFault fault, double share) {
    return feature.fault == fault ? share * rule.kept_share : share;
  };
  const auto share = [&](Part part) { return feature.part[part] / feature.total; };
  // What few samples show by chance breaks nothing; what is broken stays so until its share itself is small.
  const auto surely = [&](ContractFault fault, double found) {
    if (feature.fault == fault) return found;
    const bool lasts = feature.part[odd_windows] >= rule.least_windows;
    return lasts ? wilson_bounds_of_share(std::min(found, 1.0), feature.total, rule.z).lower : 0;
  };
  const double missing = share(not_numbers);
  if (surely(ContractFault::not_a_number, missing) > limit(ContractFault::not_a_number, of.contract->not_numbers) &&
      missing > of.contract->not_numbers * rule.kept_share)
    return breach(ContractFault::not_a_number, missing);
  if (of.contract->varies && share(zero) >= limit(ContractFault::all_zero, rule.zero_share))
    return breach(ContractFault::all_zero, share(zero));
  const double scale = std::max(share(far), share(small));
  if (of.contract->varies && scale >= limit(ContractFault::unit, rule.scale_share))
    return breach(ContractFault::unit, scale);
  const double outside = share(out) + share(far);
  const double beyond = outside + share(open);
  if (surely(ContractFault::range, outside) >= limit(ContractFault::range, rule.out_share) ||
      beyond >= limit(ContractFault::range, rule.open_share))
    return breach(ContractFault::range, std::max(outside, beyond));
  if (is_stuck(rule, of, feature, look)) {
    const auto still = std::chrono::duration<double, std::ratio<3600>>(feature.in_bin_until - feature.in_bin_since);
    return breach(ContractFault::stuck, still.count());
  }
  return breach(ContractFault::none, 0);
}

// A sensor that varied on this device, and stands in a bin where training seldom was, for longer than it ever does.
bool ContractWatch::is_stuck(const ContractRule& rule, const JudgedFeature& of, const Feature& feature, Duration look) {
  const bool can_be = of.contract->varies && of.has_reference() && feature.changes >= rule.least_changes &&
                      feature.samples_in_bin >= rule.stuck_samples;
  if (!can_be) return false;
  const bool fills_its_bin =
      feature.bin < of.reference.counts.size() && 2 * of.reference.counts[feature.bin] > total_of(of.reference.counts);
  const auto still = static_cast<double>((feature.in_bin_until - feature.in_bin_since).count());
  const auto longest_stay = static_cast<double>(Duration{60'000}.count()) * static_cast<double>(feature.minutes_stay);
  return !fills_its_bin && still >= rule.stuck_looks * static_cast<double>(look.count()) &&
         still >= rule.stuck_stays * longest_stay;
}

ContractBreach ContractWatch::judge_rate(const ContractRule& rule, const InputContract& contract) {
  const bool is_promised = contract.least_per_minute || contract.most_per_minute;
  const bool was_broken = std::exchange(rate_fault_, ContractFault::none) == ContractFault::rate;
  if (!is_promised || windows_ < windows_of_rate || minutes_ <= 0) return {};
  const double per_minute = inferences_ / minutes_;
  const auto slack = [&](double promised) { return was_broken ? 0 : rule.rate_z * std::sqrt(promised / minutes_); };
  const double least = contract.least_per_minute.value_or(0);
  const double most = contract.most_per_minute.value_or(per_minute);
  const bool is_kept = per_minute >= least - slack(least) && per_minute <= most + slack(most);
  if (!is_kept) rate_fault_ = ContractFault::rate;
  return {"", rate_fault_, per_minute};
}

void ContractWatch::add_breach(ContractBreach breach, std::vector<ContractBreach>& breaches) {
  if (breach.fault != ContractFault::none) breaches.push_back(std::move(breach));
}

std::vector<ContractFault> ContractWatch::faults() const {
  std::vector<ContractFault> faults;
  for (const auto& feature : features_) faults.push_back(feature.fault);
  faults.push_back(rate_fault_);
  return faults;
}

void ContractWatch::put(Packer& out) const {
  for (const auto& feature : features_) {
    out.put(packed_weight(feature.total));
    std::uint64_t used = 0;
    for (std::size_t part = 0; part < parts; ++part) used |= std::uint64_t{feature.part[part] > 0} << part;
    out.put(used);
    for (const double part : feature.part) {
      if (part > 0) out.put(packed_weight(part));
    }
    out.put(feature.windows_without);
    out.put(std::uint64_t{feature.was_there ? 1U : 0U} + 2 * static_cast<std::uint64_t>(feature.fault) +
            flags_of_fault * (feature.gap ? *feature.gap + 1 : 0));
    out.put(feature.bin + most_bins * (feature.changes + most_changes * feature.minutes_stay));
    out.put(feature.samples_in_bin);
    out.put(feature.in_bin_since);
    out.put(feature.in_bin_until);
  }
  out.put(packed_weight(minutes_));
  out.put(packed_weight(inferences_));
  out.put(windows_);
  out.put(static_cast<std::uint64_t>(rate_fault_) + fault_names.size() * (has_predicted_ ? 1 : 0));
}

void ContractWatch::take(Unpacker& in) {
  const auto fault = [](std::uint64_t number) {
    return number < fault_names.size() ? static_cast<ContractFault>(number) : ContractFault::none;
  };
  for (auto& feature : features_) {
    feature.total = weight_of(in.number());
    const auto used = in.number();
    for (std::size_t part = 0; part < parts; ++part)
      feature.part[part] = (used >> part & 1) != 0 ? weight_of(in.number()) : 0;
    feature.windows_without = in.number();
    const auto flags = in.number();
    feature.was_there = (flags & 1) != 0;
    feature.fault = fault(flags % flags_of_fault / 2);
    feature.gap.reset();
    if (flags >= flags_of_fault) feature.gap = flags / flags_of_fault - 1;
    const auto place = in.number();
    feature.bin = place % most_bins;
    feature.changes = place / most_bins % most_changes;
    feature.minutes_stay = std::min(place / most_bins / most_changes, most_minutes);
    feature.samples_in_bin = in.number();
    feature.in_bin_since = in.instant();
    feature.in_bin_until = in.instant();
  }
  minutes_ = weight_of(in.number());
  inferences_ = weight_of(in.number());
  windows_ = in.number();
  const auto flags = in.number();
  rate_fault_ = fault(flags % fault_names.size());
  has_predicted_ = flags >= fault_names.size();
}

std::string describe_breach(const JudgedModel& model, const ContractBreach& breach) {
  const auto name = "\"" + breach.feature + "\"";
  const auto of = std::find_if(model.features.begin(), model.features.end(),
                               [&](const JudgedFeature& feature) { return feature.reference.name == breach.feature; });
  const bool is_known = of != model.features.end() && of->contract;
  const auto range = is_known ? figure(of->contract->least) + " to " + figure(of->contract->most) : "its range";
  switch (breach.fault) {
    case ContractFault::none:
      return name + " keeps to its contract";
    case ContractFault::missing:
      return name + " is missing: " + figure(breach.value) +
             " windows in a row came without it; look at what the program reports";
    case ContractFault::not_a_number:
      return name + " is no number in " + percent(breach.value) + " of its values";
    case ContractFault::all_zero:
      return name + " is zero in " + percent(breach.value) +
             " of its values, which training hardly knew: look at the sensor";
    case ContractFault::unit:
      return name + " is of another unit or scale: " + percent(breach.value) + " of its values are far from " + range;
    case ContractFault::range:
      return name + " is out of its range in " + percent(breach.value) + " of its values, which should be " + range;
    case ContractFault::stuck:
      return name + " has not varied for " + figure(breach.value) + " hours, as it did in training: look at the sensor";
    case ContractFault::rate:
      return "there are " + figure(breach.value) + " inferences a minute, and there should be " +
             figure(model.contract.least_per_minute.value_or(0)) + " or more" +
             (model.contract.most_per_minute ? ", and at most " + figure(*model.contract.most_per_minute) : "");
  }
  return name;
}

namespace {

ContractScore score_of(const JudgedFeature& of, const HistogramCounts& counts) {
  ContractScore score{0, total_of(counts)};
  if (score.samples == 0) return score;
  std::uint64_t broken = 0;
  for (std::size_t bin = 0; bin < of.kinds.size(); ++bin)
    if (of.kinds[bin] != BinKind::good && of.kinds[bin] != BinKind::not_a_number) broken += counts[bin];
  const auto total = static_cast<double>(score.samples);
  const double not_numbers = std::max(0.0, static_cast<double>(counts.back()) / total - of.contract->not_numbers);
  score.broken = static_cast<double>(broken) / total + not_numbers;
  return score;
}

}  // namespace

std::optional<ContractScore> contract_score(const JudgedModel& model,
                                            const std::map<std::string, HistogramCounts>& present, bool can_miss) {
  std::uint64_t most_samples = 0;
  for (const auto& [name, counts] : present) most_samples = std::max(most_samples, total_of(counts));
  if (most_samples == 0) return std::nullopt;
  std::optional<ContractScore> worst;
  for (std::size_t place = 0; place < model.inputs; ++place) {
    const auto& of = model.features[place];
    if (!of.contract) continue;
    const auto seen = present.find(of.reference.name);
    const bool is_there = seen != present.end() && seen->second.size() == of.bins();
    if (!is_there && !can_miss) continue;
    const auto score = is_there ? score_of(of, seen->second) : ContractScore{1, most_samples};
    if (score.samples > 0 && (!worst || score.broken > worst->broken)) worst = score;
  }
  return worst;
}

}  // namespace argosy::server
