// How often the judgement of a canary errs, by simulation, beside what others do: one JSON object on stdout. Run by
// scripts/bench canary, whose help describes the model and the keys. One thread.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/random.hpp"
#include "common/stats/device_rows.hpp"
#include "common/stats/failure_process.hpp"
#include "common/stats/log_histogram.hpp"
#include "common/stats/reach.hpp"
#include "common/stats/reporting_evidence.hpp"
#include "server/rollouts/guards/guard.hpp"
#include "server/rollouts/guards/guard_family.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr int day_windows = 288;  // of five minutes
constexpr int hour_windows = 12;
constexpr std::array look_windows = {1, 2, 4, 8, 16, 32, 64, 128, 256, day_windows};
constexpr std::size_t looks = look_windows.size();
constexpr std::array class_shares = {0.6, 0.3, 0.1};
constexpr std::array class_levels = {2.0, 2.7, 3.4};  // ln ms
constexpr double level_spread = 0.3, daily_amplitude = 0.15, own_amplitude = 0.05;
constexpr double ar_coefficient = 0.95, ar_sigma = 0.08, lasting_change = 0.02;
constexpr double outlier_share = 0.01, outlier_factor = 3, request_sigma = 0.25;
constexpr int requests_a_window = 60;
constexpr std::size_t above_p95 = requests_a_window / 20;
constexpr double alpha = 0.05;
constexpr std::array family_quantiles = {0.5, 0.95, 0.99};
using FamilyFigures = std::array<double, family_quantiles.size()>;
constexpr int never = std::numeric_limits<int>::max();

const double ln_promotion_margin = std::log(1.10);
const double ln_bad_release = std::log(1.20);

// One device's latency, window after window.
class LatencySource {
 public:
  LatencySource(std::uint32_t stratum, Rng& rng)
      : rng_(rng()),
        level_(class_levels.at(stratum) + level_spread * rng_.normal()),
        amplitude_(daily_amplitude + own_amplitude * rng_.normal()),
        wave_(ar_sigma * rng_.normal()) {}

  // Its requests go into `histogram`; gives ln of their 95th percentile.
  double next(LogHistogram& histogram) {
    wave_ = ar_coefficient * wave_ + ar_sigma * std::sqrt(1 - ar_coefficient * ar_coefficient) * rng_.normal();
    const double hour = 2 * 3.14159265358979 * window_++ / day_windows;
    const double outlier = rng_.chance(outlier_share) ? std::log(outlier_factor) : 0;
    const double level = level_ + amplitude_ * std::sin(hour) + wave_ + outlier;
    std::array<double, requests_a_window> values;
    for (double& value : values) {
      value = level + request_sigma * rng_.normal();
      histogram.add(std::exp(value));
    }
    const auto p95 = values.end() - 1 - above_p95;
    std::nth_element(values.begin(), p95, values.end());
    return *p95;
  }
  void change(double by) { level_ += by; }

 private:
  Rng rng_;
  double level_, amplitude_, wave_;
  int window_ = 0;
};

struct Device {
  std::uint32_t stratum = 0;
  Arm arm = Arm::canary;
  double before = 0;                         // ln p95 of the merged day before
  double mean_before = 0, sigma_before = 0;  // of its windows' figures
  std::array<double, looks> at_look{};       // ln p95 of all windows since, merged
  std::array<float, day_windows> windows{};
  FamilyFigures family_before{};
  std::array<FamilyFigures, looks> family_at_look{};
};

FamilyFigures family_of(const LogHistogram& histogram) {
  FamilyFigures figures{};
  for (std::size_t i = 0; i < figures.size(); ++i) figures[i] = ln_quantile(histogram, family_quantiles[i]).value();
  return figures;
}

// By class, the shift of ln latency that the release brings.
using Release = std::array<double, class_shares.size()>;
constexpr Release harmless{};
Release slow_everywhere() {
  return {ln_bad_release, ln_bad_release, ln_bad_release};
}
Release slow_in_the_smallest_class() {
  return {0, 0, ln_bad_release};
}

Device observed(std::uint32_t stratum, Arm arm, Rng& rng) {
  Device device{.stratum = stratum, .arm = arm};
  LatencySource source(stratum, rng);
  LogHistogram before, since;
  double sum = 0, squares = 0;
  for (int window = 0; window < day_windows; ++window) {
    const double figure = source.next(before);
    sum += figure;
    squares += figure * figure;
  }
  device.before = ln_quantile(before, 0.95).value();
  device.family_before = family_of(before);
  device.mean_before = sum / day_windows;
  device.sigma_before = std::sqrt(std::max(0.0, squares / day_windows - device.mean_before * device.mean_before));
  source.change(lasting_change * rng.normal());
  std::size_t look = 0;
  for (int window = 0; window < day_windows; ++window) {
    device.windows.at(static_cast<std::size_t>(window)) = static_cast<float>(source.next(since));
    if (window + 1 != look_windows.at(look)) continue;
    device.family_at_look.at(look) = family_of(since);
    device.at_look.at(look++) = ln_quantile(since, 0.95).value();
  }
  return device;
}

// n canaries in proportion to the classes, and three controls for each, 500 at most.
std::vector<Device> fleet_of(std::uint64_t canaries, Rng& rng) {
  const std::uint64_t size = canaries + std::min<std::uint64_t>(3 * canaries, 500);
  std::vector<std::uint64_t> devices;
  for (const double share : class_shares)
    devices.push_back(static_cast<std::uint64_t>(std::lround(share * static_cast<double>(size))));
  std::vector<Device> fleet;
  const auto dealt = dealt_canaries(devices, canaries);
  for (std::uint32_t stratum = 0; stratum < dealt.size(); ++stratum)
    for (std::uint64_t i = 0; i < dealt[stratum].devices; ++i)
      fleet.push_back(observed(stratum, i < dealt[stratum].canaries ? Arm::canary : Arm::control, rng));
  return fleet;
}

double shift_of(const Device& device, const Release& release) {
  return device.arm == Arm::canary ? release.at(device.stratum) : 0;
}

struct Watch {  // in windows since the start, `never` when it did not happen
  int failed_at = never;
  int passed_at = never;
};

// As the usual policy has it, without its floor: these devices answer in some milliseconds.
ChangeGuard usual_guard(GuardMetric metric) {
  const Policy policy;
  for (const GuardPolicy& guard : policy.guards) {
    if (guard.metric != metric) continue;
    const bool is_ratio = spec_of(metric).scale == Scale::ratio;
    const HarmMargins margins{is_ratio ? std::log(guard.rollback_margin) : guard.rollback_margin,
                              is_ratio ? std::log(guard.promotion_margin) : guard.promotion_margin};
    return change_guard(policy, guard, margins, class_shares.size());
  }
  std::abort();
}
const ChangeGuard latency_guard = usual_guard(GuardMetric::latency_p95);
const ChangeGuard accuracy_guard = usual_guard(GuardMetric::accuracy);
const ChangeGuard silence_guard = usual_guard(GuardMetric::silence);

// After 1, 2, 4 ... windows, and at the end of what is watched.
std::vector<int> looks_within(int windows) {
  std::vector<int> found;
  for (int window = 1; window < windows; window *= 2) found.push_back(window);
  found.push_back(windows);
  return found;
}

std::vector<LookAlphas> alphas_within(const ChangeGuard& guard, int windows) {
  std::vector<double> shares_of_dwell;
  std::vector<LookAlphas> alphas;
  for (const int window : looks_within(windows)) {
    shares_of_dwell.push_back(static_cast<double>(window) / windows);
    const auto look = static_cast<int>(shares_of_dwell.size());
    alphas.push_back(alphas_at(guard, {.number = look,
                                       .in_wave = look,
                                       .shares_of_dwell = shares_of_dwell,
                                       .share_of_alpha = share_of_alpha_in(0, static_cast<int>(Policy{}.waves.size()))})
                         .value());
  }
  return alphas;
}

GuardLook look_at(const std::vector<LookAlphas>& alphas, std::size_t look, std::uint64_t seed) {
  return {.number = static_cast<int>(look) + 1,
          .alphas = alphas.at(look),
          .is_longest_dwell = look + 1 == looks,
          .seed = seed};
}

Watch watch_by_judge(const std::vector<Device>& fleet, const Release& release, std::uint64_t seed) {
  static const std::vector<LookAlphas> alphas = alphas_within(latency_guard, day_windows);
  Watch watch;
  std::vector<DeviceRow> rows(fleet.size());
  for (std::size_t look = 0; look < looks; ++look) {
    for (std::size_t i = 0; i < fleet.size(); ++i)
      rows[i] = {fleet[i].stratum, fleet[i].arm, fleet[i].before,
                 fleet[i].at_look.at(look) + shift_of(fleet[i], release)};
    const auto seen = judge_change(rows, latency_guard, look_at(alphas, look, seed));
    if (!seen) continue;
    const int now = look_windows.at(look);
    if (seen->verdict == HarmVerdict::pass) watch.passed_at = std::min(watch.passed_at, now);
    if (seen->verdict == HarmVerdict::fail) {
      watch.failed_at = now;
      return watch;
    }
  }
  return watch;
}

// p50, p95 and p99 with all of alpha between them: judged together by one permutation, or each with a third.
bool family_fails(const std::vector<Device>& fleet, const Release& release, bool is_together, std::uint64_t seed) {
  ChangeGuard whole = latency_guard, third = latency_guard;
  whole.alpha = alpha;
  third.alpha = alpha / family_quantiles.size();
  static const std::vector<LookAlphas> alphas_of_all = alphas_within(whole, day_windows);
  static const std::vector<LookAlphas> alphas_of_each = alphas_within(third, day_windows);
  std::array<PanelRows, family_quantiles.size()> rows;
  for (std::size_t look = 0; look < looks; ++look) {
    std::vector<GuardFamily::Metric> metrics;
    for (std::size_t metric = 0; metric < rows.size(); ++metric) {
      rows[metric] = {};
      for (std::size_t i = 0; i < fleet.size(); ++i) {
        const double since = fleet[i].family_at_look.at(look)[metric] + shift_of(fleet[i], release);
        rows[metric].rows.push_back({fleet[i].stratum, fleet[i].arm, fleet[i].family_before[metric], since});
        rows[metric].members.push_back(static_cast<std::uint32_t>(i));
      }
      metrics.push_back({&rows[metric], WorseWhen::higher});
    }
    GuardFamily family(metrics);
    for (std::size_t metric = 0; metric < rows.size(); ++metric) {
      GuardLook now = look_at(alphas_of_each, look, seed);
      if (is_together)
        now.family = FamilyLook{alphas_of_all.at(look), [&family, metric](const auto& stratum, const auto& plan) {
                                  return family.p(metric, stratum, plan);
                                }};
      const auto seen = judge_change(rows[metric].rows, third, now);
      if (seen && seen->verdict == HarmVerdict::fail) return true;
    }
  }
  return false;
}

// Mean and variance of what the devices of one arm show of `figure`.
struct Moments {
  double n = 0, mean = 0, variance = 0;
};
template <class Figure>
Moments moments_of(const std::vector<Device>& fleet, Arm arm, const Figure& figure) {
  Moments found;
  double sum = 0, squares = 0;
  for (const Device& device : fleet) {
    if (device.arm != arm) continue;
    const double value = figure(device);
    ++found.n;
    sum += value;
    squares += value * value;
  }
  found.mean = sum / found.n;
  found.variance = std::max(1e-12, (squares - sum * sum / found.n) / std::max(1.0, found.n - 1));
  return found;
}

double change_in(const Device& device, int window, const Release& release) {
  return device.windows.at(static_cast<std::size_t>(window)) + shift_of(device, release) - device.mean_before;
}

// The last hour's change of the canaries over that of the controls: over 1.10, looked at in every window.
int alarm_by_threshold(const std::vector<Device>& fleet, const Release& release) {
  for (int now = 0; now < day_windows; ++now) {
    const int first = std::max(0, now - hour_windows + 1);
    const auto of_hour = [&](const Device& device) {
      double sum = 0;
      for (int window = first; window <= now; ++window) sum += change_in(device, window, release);
      return sum / (now - first + 1);
    };
    if (moments_of(fleet, Arm::canary, of_hour).mean - moments_of(fleet, Arm::control, of_hour).mean > std::log(1.10))
      return now + 1;
  }
  return never;
}

// Once an hour, all windows of the hour, canaries against controls, as if each were independent; one-sided 5 %.
int alarm_by_mann_whitney(const std::vector<Device>& fleet, const Release& release) {
  std::vector<std::pair<double, bool>> values;
  for (int hour = 0; hour < day_windows / hour_windows; ++hour) {
    values.clear();
    for (const Device& device : fleet)
      for (int i = 0; i < hour_windows; ++i)
        values.emplace_back(change_in(device, hour * hour_windows + i, release), device.arm == Arm::canary);
    std::sort(values.begin(), values.end());
    double canaries = 0, ranks = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!values[i].second) continue;
      ++canaries;
      ranks += static_cast<double>(i + 1);
    }
    const double all = static_cast<double>(values.size()), controls = all - canaries;
    const double u = ranks - canaries * (canaries + 1) / 2;
    const double z = (u - canaries * controls / 2) / std::sqrt(canaries * controls * (all + 1) / 12);
    if (z > 1.645) return (hour + 1) * hour_windows;
  }
  return never;
}

// In every window, the means of the devices since the start, canaries against controls; one-sided 5 %.
int alarm_by_repeated_t(const std::vector<Device>& fleet, const Release& release) {
  std::vector<double> sums(fleet.size());
  for (int now = 0; now < day_windows; ++now) {
    for (std::size_t i = 0; i < fleet.size(); ++i) sums[i] += change_in(fleet[i], now, release);
    const auto since = [&](const Device& device) {
      return sums[static_cast<std::size_t>(&device - fleet.data())] / (now + 1);
    };
    const Moments canary = moments_of(fleet, Arm::canary, since), control = moments_of(fleet, Arm::control, since);
    if ((canary.mean - control.mean) / std::sqrt(canary.variance / canary.n + control.variance / control.n) > 1.645)
      return now + 1;
  }
  return never;
}

// A mixture sequential probability ratio test on windows, each taken for independent.
int alarm_by_window_msprt(const std::vector<Device>& fleet, const Release& release) {
  const auto spread = [](const Device& device) { return device.sigma_before * device.sigma_before; };
  const Moments canary = moments_of(fleet, Arm::canary, spread), control = moments_of(fleet, Arm::control, spread);
  const double variance = canary.mean / canary.n + control.mean / control.n;
  const double mixing = ln_promotion_margin * ln_promotion_margin;
  double sum = 0;
  for (int now = 0; now < day_windows; ++now) {
    const auto change = [&](const Device& device) { return change_in(device, now, release); };
    sum += moments_of(fleet, Arm::canary, change).mean - moments_of(fleet, Arm::control, change).mean;
    const double total = variance + (now + 1) * mixing;
    const double ln_ratio = 0.5 * std::log(variance / total) + mixing * sum * sum / (2 * variance * total);
    if (sum > 0 && ln_ratio > std::log(1 / alpha)) return now + 1;
  }
  return never;
}

struct Share {
  int hits = 0, of = 0;
  void add(bool hit) {
    hits += hit ? 1 : 0;
    ++of;
  }
};
json json_of(const Share& share) {
  const double p = static_cast<double>(share.hits) / share.of;
  return {{"share", p}, {"se", std::sqrt(p * (1 - p) / share.of)}};
}

struct Record {  // of one way to judge
  Share false_rollback, detected, class_fault, wrong_promotion;
  std::vector<int> delays;

  json to_json() const {
    auto sorted = delays;
    std::sort(sorted.begin(), sorted.end());
    return {{"false_rollback", json_of(false_rollback)},
            {"detected", json_of(detected)},
            {"class_fault_detected", json_of(class_fault)},
            {"median_windows", sorted.empty() ? json() : json(sorted[sorted.size() / 2])}};
  }
};

void add_alarms(Record& record, int of_harmless, int of_slow, int of_class_fault) {
  record.false_rollback.add(of_harmless != never);
  record.detected.add(of_slow != never);
  record.class_fault.add(of_class_fault != never);
  if (of_slow != never) record.delays.push_back(of_slow);
}

// With 240 labels a device before and 10 an hour since, each known so many windows after its inference; watched for a
// day from the first.
bool accuracy_loss_is_seen(std::uint64_t canaries, double loss, int label_delay, Rng& rng, std::uint64_t seed) {
  constexpr int labels_before = 240, labels_an_hour = 10;
  const int watched = day_windows + label_delay;
  const std::vector<int> at_windows = looks_within(watched);
  const std::vector<LookAlphas> alphas = alphas_within(accuracy_guard, watched);
  const std::uint64_t size = canaries + std::min<std::uint64_t>(3 * canaries, 500);
  struct Labelled {
    double accuracy;
    int right = 0, labels = 0;
  };
  std::vector<Labelled> devices(size);
  std::vector<DeviceRow> rows(size);
  const auto draw = [&rng](double accuracy, int labels) {
    int right = 0;
    for (int i = 0; i < labels; ++i) right += rng.chance(accuracy) ? 1 : 0;
    return right;
  };
  for (std::size_t i = 0; i < size; ++i) {
    const bool is_canary = i < canaries;
    const double accuracy = std::clamp(0.94 + 0.02 * rng.normal(), 0.5, 0.995);
    rows[i] = {static_cast<std::uint32_t>(i % 3), is_canary ? Arm::canary : Arm::control,
               static_cast<double>(draw(accuracy, labels_before)) / labels_before, 0};
    devices[i].accuracy = accuracy - (is_canary ? loss : 0);
  }
  for (std::size_t look = 0; look < at_windows.size(); ++look) {
    const int due = std::max(0, at_windows[look] - label_delay) * labels_an_hour / hour_windows;
    if (due < static_cast<int>(spec_of(GuardMetric::accuracy).min_samples)) continue;
    for (std::size_t i = 0; i < size; ++i) {
      devices[i].right += draw(devices[i].accuracy, due - devices[i].labels);
      devices[i].labels = due;
      rows[i].after = static_cast<double>(devices[i].right) / due;
    }
    const auto seen = judge_change(rows, accuracy_guard,
                                   {.number = static_cast<int>(look) + 1,
                                    .alphas = alphas[look],
                                    .is_longest_dwell = look + 1 == at_windows.size(),
                                    .seed = seed});
    if (seen && seen->verdict == HarmVerdict::fail) return true;
  }
  return false;
}

// By class, who of the devices that reported at `since` is silent at `now`.
std::vector<SilenceStep> silence_between(const std::vector<DeviceRow>& rows, const std::vector<int>& dies_at, int since,
                                         int now) {
  std::vector<SilenceStep> steps(class_shares.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (dies_at[i] < since) continue;
    SilenceStep& step = steps[rows[i].stratum];
    const bool is_canary = rows[i].arm == Arm::canary;
    ++(is_canary ? step.reporting_canaries : step.reporting_controls);
    if (dies_at[i] < now) ++(is_canary ? step.silent_canaries : step.silent_controls);
  }
  return steps;
}

// Of so many canaries a share dies somewhen in the day; in both arms a hundredth falls silent anyway. Part of alpha is
// for the shares at each look, part for who falls silent from look to look.
bool deaths_are_seen(std::uint64_t canaries, double share, Rng& rng, std::uint64_t seed) {
  static const ChangeGuard shares_alone = [] {
    ChangeGuard guard = silence_guard;
    guard.alpha *= 1 - share_of_silence_evidence;
    return guard;
  }();
  static const std::vector<LookAlphas> alphas = alphas_within(shares_alone, day_windows);
  constexpr double background = 0.01;
  const std::uint64_t size = canaries + std::min<std::uint64_t>(3 * canaries, 500);
  std::vector<DeviceRow> rows(size);
  std::vector<int> dies_at(size, never);
  for (std::size_t i = 0; i < size; ++i) {
    const bool is_canary = i < canaries;
    rows[i] = {static_cast<std::uint32_t>(i % 3), is_canary ? Arm::canary : Arm::control, 0, 0};
    if (rng.chance(background + (is_canary ? share : 0))) dies_at[i] = static_cast<int>(rng.below(day_windows));
  }
  SilenceEvidence evidence;
  int since = 0;
  for (std::size_t look = 0; look < looks; ++look) {
    const int now = look_windows.at(look);
    for (std::size_t i = 0; i < size; ++i) rows[i].after = dies_at[i] < now ? 1 : 0;
    const auto seen = judge_change(rows, shares_alone, look_at(alphas, look, seed));
    if (seen && seen->verdict == HarmVerdict::fail) return true;
    for (const SilenceStep& step : silence_between(rows, dies_at, std::exchange(since, now), now)) evidence.add(step);
    if (seen && seen->effect.theta > shares_alone.margins.rollback &&
        is_evidence_enough(evidence.ln_evidence(), share_of_silence_evidence * silence_guard.alpha))
      return true;
  }
  return false;
}

json results_for(std::uint64_t canaries, int trials, std::uint64_t seed) {
  Rng rng(seed + canaries);
  Record ours, threshold, mann_whitney, repeated_t, window_msprt;
  Share family, family_false, thirds, thirds_false;
  Share accuracy, accuracy_false, late, late_false, deaths, deaths_false;
  for (int trial = 0; trial < trials; ++trial) {
    const std::vector<Device> fleet = fleet_of(canaries, rng);
    const std::uint64_t own = rng();
    const Watch slow = watch_by_judge(fleet, slow_everywhere(), own);
    add_alarms(ours, watch_by_judge(fleet, harmless, own).failed_at, slow.failed_at,
               watch_by_judge(fleet, slow_in_the_smallest_class(), own).failed_at);
    ours.wrong_promotion.add(slow.passed_at < slow.failed_at);
    const auto beside = [&](Record& record, int (*alarm)(const std::vector<Device>&, const Release&)) {
      add_alarms(record, alarm(fleet, harmless), alarm(fleet, slow_everywhere()),
                 alarm(fleet, slow_in_the_smallest_class()));
    };
    beside(threshold, alarm_by_threshold);
    beside(mann_whitney, alarm_by_mann_whitney);
    beside(repeated_t, alarm_by_repeated_t);
    beside(window_msprt, alarm_by_window_msprt);
    family.add(family_fails(fleet, slow_in_the_smallest_class(), true, own));
    family_false.add(family_fails(fleet, harmless, true, own));
    thirds.add(family_fails(fleet, slow_in_the_smallest_class(), false, own));
    thirds_false.add(family_fails(fleet, harmless, false, own));
    accuracy.add(accuracy_loss_is_seen(canaries, 0.02, 0, rng, own));
    accuracy_false.add(accuracy_loss_is_seen(canaries, 0, 0, rng, own));
    late.add(accuracy_loss_is_seen(canaries, 0.02, day_windows, rng, own));
    late_false.add(accuracy_loss_is_seen(canaries, 0, day_windows, rng, own));
    deaths.add(deaths_are_seen(canaries, 0.2, rng, own));
    deaths_false.add(deaths_are_seen(canaries, 0, rng, own));
  }
  json found = ours.to_json();
  found["wrong_promotion"] = json_of(ours.wrong_promotion);
  found["family_class_fault_detected"] = json_of(family);
  found["family_false_rollback"] = json_of(family_false);
  found["thirds_class_fault_detected"] = json_of(thirds);
  found["thirds_false_rollback"] = json_of(thirds_false);
  found["accuracy_detected"] = json_of(accuracy);
  found["accuracy_false_rollback"] = json_of(accuracy_false);
  found["late_accuracy_detected"] = json_of(late);
  found["late_accuracy_false_rollback"] = json_of(late_false);
  found["deaths_detected"] = json_of(deaths);
  found["deaths_false_rollback"] = json_of(deaths_false);
  found["peers"] = {{"threshold", threshold.to_json()},
                    {"mann_whitney", mann_whitney.to_json()},
                    {"repeated_t", repeated_t.to_json()},
                    {"window_msprt", window_msprt.to_json()}};
  found["trials"] = trials;
  return found;
}

}  // namespace
}  // namespace argosy::server

// argosy-canary-bench SEED TRIALS N [N ...]
int main(int count, char** words) {
  if (count < 4) {
    std::fputs("usage: argosy-canary-bench SEED TRIALS N [N ...]\n", stderr);
    return 2;
  }
  const std::uint64_t seed = std::strtoull(words[1], nullptr, 10);
  const int trials = std::atoi(words[2]);
  nlohmann::json all = {{"seed", seed}};
  for (int i = 3; i < count; ++i) {
    const std::uint64_t canaries = std::strtoull(words[i], nullptr, 10);
    std::fprintf(stderr, "%s canaries, %d trials\n", words[i], trials);
    all["n"][words[i]] = argosy::server::results_for(canaries, trials, seed);
  }
  std::puts(all.dump().c_str());
  return 0;
}
