#include "server/rollouts/guards/canary_reach.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <span>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/stats/reach.hpp"
#include "server/rollouts/guards/guard.hpp"
#include "server/rollouts/guards/look_plan.hpp"
#include "server/rollouts/guards/paired_judge.hpp"
#include "server/rollouts/guards/panel.hpp"
#include "server/rollouts/guards/shadow_panel.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr double usual_power = 0.8;
constexpr std::int64_t day_s = 86400;
constexpr std::uint64_t counted_one_by_one = 64;  // canaries; of more, more always reach further

// The looks
// ------------------------------------------------------------------------------------------------------------------

struct PlannedLook {
  std::int64_t after_s = 0;
  double share_of_dwell = 1;
};

// As due_look() has them while the first wave's canaries are measured from its bake on.
std::vector<PlannedLook> looks_of_first_wave(const Policy& policy) {
  const Duration dwell = seconds(policy.gate.bake_s + policy.gate.max_dwell_s);
  LookTiming timing{.length = seconds(policy.look_s), .longest = dwell};
  LooksTaken taken;
  std::vector<PlannedLook> looks;
  const auto take = [&](Duration exposure) {
    const auto look = due_look(taken, 0, exposure, timing);
    if (!look) return;
    taken = taken_with(*look, Instant{});
    looks.push_back({std::chrono::duration_cast<seconds>(exposure).count(), look->shares_of_dwell.back()});
  };
  for (Duration exposure = timing.length; exposure < dwell; exposure *= 2) take(exposure);
  timing.dwell_is_over = true;
  take(dwell);
  return looks;
}

// The panel's share of them, as it is drawn.
std::vector<StratumSize> compared(const Policy& policy, const std::vector<StratumSize>& classes) {
  const auto of_each_wave = static_cast<double>(panel_limit) / static_cast<double>(policy.waves.size());
  double canaries = 0, controls = 0;
  for (const auto& one : classes) {
    canaries += static_cast<double>(one.canaries);
    controls += static_cast<double>(one.devices - one.canaries);
  }
  const double of_controls = of_each_wave * static_cast<double>(policy.waves.size() - 1);
  const double part_of_canaries = std::min(1.0, of_each_wave / std::max(1.0, canaries));
  const double part_of_controls = std::min(1.0, of_controls / std::max(1.0, controls));
  std::vector<StratumSize> panel;
  for (const auto& one : classes) {
    const auto drawn = [](std::uint64_t count, double part) {
      return static_cast<std::uint64_t>(std::llround(static_cast<double>(count) * part));
    };
    const auto canaries_drawn = drawn(one.canaries, part_of_canaries);
    panel.push_back({canaries_drawn + drawn(one.devices - one.canaries, part_of_controls), canaries_drawn});
  }
  return panel;
}

std::vector<StratumSize> sizes_of(const std::vector<ClassCount>& classes) {
  std::vector<StratumSize> sizes;
  for (const auto& one : classes) sizes.push_back({one.devices, std::min(one.canaries, one.devices)});
  return sizes;
}

std::vector<std::uint64_t> devices_by_class(const std::vector<ClassCount>& classes) {
  std::vector<std::uint64_t> devices;
  for (const auto& one : classes) devices.push_back(one.devices);
  return devices;
}

// One guard
// -----------------------------------------------------------------------------------------------------------------

// What a guard may spend at the looks of the first wave; the same whoever its canaries are.
struct Spending {
  const Policy& policy;
  const std::vector<PlannedLook>& looks;
  bool is_paired = false;  // each device is its own control
  std::vector<LookAlphas> alphas;

  double least_p(std::span<const StratumSize> panel, double alpha) const {
    return is_paired ? least_paired_p_of(canaries_in(panel), alpha) : least_p_of(panel, alpha);
  }
  bool can_decide(std::span<const StratumSize> panel, double alpha) const {
    return is_paired ? can_reject_paired(canaries_in(panel), alpha) : can_reject(panel, alpha);
  }

  bool can_fail(const std::vector<StratumSize>& panel, const LookAlphas& at) const {
    if (can_decide(panel, at.whole)) return true;
    return std::any_of(panel.begin(), panel.end(),
                       [&](const StratumSize& one) { return can_decide(std::span(&one, 1), at.each_class); });
  }

  bool can_fail_ever(const std::vector<StratumSize>& panel) const {
    return std::any_of(alphas.begin(), alphas.end(), [&](const auto& at) { return can_fail(panel, at); });
  }
  bool can_pass_ever(const std::vector<StratumSize>& panel) const {
    return std::any_of(alphas.begin(), alphas.end(), [&](const auto& at) { return can_decide(panel, at.promotion); });
  }

  bool suffices(const std::vector<std::uint64_t>& devices, std::uint64_t canaries) const {
    const auto panel = compared(policy, dealt_canaries(devices, canaries));
    return can_fail_ever(panel) && can_pass_ever(panel);
  }

  // The fewest canaries, up to half of the devices, with which it can fail and pass.
  std::optional<std::uint64_t> needed(const std::vector<std::uint64_t>& devices) const {
    std::uint64_t half = 0;
    for (const auto count : devices) half += count;
    half /= 2;
    for (std::uint64_t canaries = 1; canaries <= std::min(counted_one_by_one, half); ++canaries)
      if (suffices(devices, canaries)) return canaries;
    if (half <= counted_one_by_one || !suffices(devices, half)) return std::nullopt;
    std::uint64_t too_few = counted_one_by_one, enough = half;
    while (enough - too_few > 1) {
      const auto middle = too_few + (enough - too_few) / 2;
      (suffices(devices, middle) ? enough : too_few) = middle;
    }
    return enough;
  }
};

Result<Spending> spending_of(const Policy& policy, const GuardPolicy& guard, const std::vector<PlannedLook>& looks,
                             std::size_t classes) {
  std::vector<double> shares;
  for (const auto& look : looks) shares.push_back(look.share_of_dwell);
  const auto change = change_guard(policy, guard, {}, static_cast<std::uint32_t>(std::max<std::size_t>(1, classes)));
  const double share = share_of_alpha_in(0, static_cast<int>(policy.waves.size()));
  Spending spending{policy, looks, is_of_shadow_runs(spec_of(guard.metric)), {}};
  ARGOSY_TRY(spending.alphas, alphas_of_first_wave(change, shares, share));
  return spending;
}

// Seen in four of five rollouts: the canaries are surely worse, and by more than the margin as far as is seen.
std::optional<double> visible_harm(const Policy& policy, const GuardPolicy& guard, const MetricPast& past,
                                   const Spending& spending, const std::vector<StratumSize>& panel) {
  if (!past.spread) return std::nullopt;
  const HarmMargins margins = margins_of(guard, past.usual);
  const double resolution = change_guard(policy, guard, margins, 1).least_sigma;
  std::optional<double> least;
  for (std::size_t i = 0; i < spending.alphas.size(); ++i) {
    const double alpha = spending.alphas[i].whole;
    const std::int64_t after_s = spending.looks[i].after_s;
    if (after_s > policy.gate.bake_s + day_s || !spending.can_decide(panel, alpha)) continue;
    const auto windows = static_cast<std::uint64_t>(std::max<std::int64_t>(1, after_s / policy.look_s));
    const double sigma = std::max(resolution, sigma_of_change(*past.spread, windows));
    const double surely_worse = visible_excess(panel, sigma, usual_power, alpha);
    const double over_the_margin = margins.rollback + visible_excess(panel, sigma, usual_power, 0.5);
    const double seen = std::max(surely_worse, over_the_margin);
    if (std::isfinite(seen) && (!least || seen < *least)) least = seen;
  }
  return least;
}

// Words
// -----------------------------------------------------------------------------------------------------------------

std::string devices_in_words(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " device" : " devices");
}

std::string time_in_words(std::int64_t s) {
  if (s % 3600 == 0) return std::to_string(s / 3600) + " h";
  return s % 60 == 0 ? std::to_string(s / 60) + " min" : std::to_string(s) + " s";
}

std::string remedy(const std::optional<std::uint64_t>& needed, const std::vector<ClassCount>& classes) {
  const std::uint64_t fleet = devices_of(classes);
  if (canaries_of(classes) == fleet) return "no device would wait beside it; let some wait for a second wave";
  if (needed) return "take at least " + devices_in_words(*needed) + " of " + std::to_string(fleet);
  return "no canary of up to half of these " + devices_in_words(fleet) + " can";
}

std::string what_it_cannot(const GuardReach& guard) {
  const std::string name = words_of(guard.metric);
  if (guard.can_fail) return "never pass on " + name;
  return guard.can_pass ? "never roll back on " + name : "neither roll back nor pass on " + name;
}

bool is_measurable(const GuardReach& guard) {
  return guard.reported_by > 0 || !guard.is_known;
}

bool is_in_reach(const GuardReach& guard) {
  return guard.can_fail && guard.can_pass;
}

std::string change_of_harm(const GuardedMetric& metric, double harm) {
  return change_in_words(metric.scale, metric.worse == WorseWhen::higher ? harm : -harm);
}

// Of a guard that can. With few canaries the early looks alone may reach far enough, or the late ones.
std::string when_it_can_fail(const std::vector<LookReach>& looks) {
  const auto can = [](const LookReach& at) { return at.can_fail; };
  const auto first = std::find_if(looks.begin(), looks.end(), can);
  const auto last = std::find_if(looks.rbegin(), looks.rend(), can);
  const std::string number = std::to_string(first->number);
  if (last == looks.rbegin()) return "from look " + number + " on, after " + time_in_words(first->after_s);
  const std::string which = first->number == last->number
                                ? "at look " + number
                                : "at looks " + number + " to " + std::to_string(last->number);
  return which + " alone, until " + time_in_words(last->after_s) + " of measuring";
}

std::string sentence_of(const GuardReach& guard, std::uint64_t looked_at, const std::vector<ClassCount>& classes) {
  const std::string name = words_of(guard.metric);
  std::string text;
  if (!is_in_reach(guard)) {
    text = "this canary can " + what_it_cannot(guard) + ": " + remedy(guard.needed, classes);
  } else {
    text = "this canary can roll back on " + name + " " + when_it_can_fail(guard.looks);
    if (guard.visible) text += ", and within a day sees " + change_of_harm(guard.metric, *guard.visible) + " and more";
  }
  if (is_measurable(guard)) return text;
  const std::string of_whom = looked_at == 0 ? "no device has a release of the model"
                                             : "none of " + devices_in_words(looked_at) + " looked at reported it";
  return name + " is not measurable: " + of_whom + "; " + text;
}

void append_names(std::string& text, const char* what, const std::vector<std::string>& names) {
  if (names.empty()) return;
  text += (text.empty() ? "" : "; ") + std::string(what);
  for (std::size_t i = 0; i < names.size(); ++i) text += (i == 0 ? " " : ", ") + names[i];
}

std::string what_it_lacks(const GuardReach& guard, std::uint64_t controls) {
  if (controls == 0) return "no device waits";
  return guard.needed ? "take at least " + std::to_string(*guard.needed) : "too few devices";
}

std::string summary_of(const CanaryReach& reach) {
  if (reach.guards.empty()) return "";
  const std::uint64_t canaries = canaries_of(reach.classes);
  const std::uint64_t controls = devices_of(reach.classes) - canaries;
  std::vector<std::string> in_reach, out_of_reach, not_measurable;
  for (const auto& guard : reach.guards) {
    const std::string name = words_of(guard.metric);
    if (!is_measurable(guard)) not_measurable.push_back(name);
    if (is_in_reach(guard))
      in_reach.push_back(name);
    else
      out_of_reach.push_back(name + " (" + what_it_lacks(guard, controls) + ")");
  }
  std::string text;
  append_names(text, "in reach:", in_reach);
  append_names(text, "out of reach:", out_of_reach);
  append_names(text, "not measurable:", not_measurable);
  std::string widened;
  if (reach.written_as) widened = ", widened from " + std::to_string(*reach.written_as) + ",";
  return std::to_string(canaries) + (canaries == 1 ? " canary" : " canaries") + widened + " beside " +
         std::to_string(controls) + " that wait: " + text;
}

// All of them
// -------------------------------------------------------------------------------------------------------------

template <class Take>
Result<void> for_each_spending(const Policy& policy, std::size_t classes, Take take) {
  const auto looks = looks_of_first_wave(policy);
  for (const auto& guard : policy.guards) {
    ARGOSY_TRY(const Spending spending, spending_of(policy, guard, looks, classes));
    take(guard, spending);
  }
  return {};
}

GuardReach guard_reach(const GuardPolicy& guard, const Spending& spending, const std::vector<ClassCount>& classes,
                       const FleetPast& past) {
  const auto panel = compared(spending.policy, sizes_of(classes));
  const MetricPast metric = past_of(past, guard.metric, guard.min_samples);
  GuardReach reach{
      .metric = guard.metric, .mode = guard.mode, .is_known = metric.is_known, .reported_by = metric.reported_by};
  for (std::size_t i = 0; i < spending.alphas.size(); ++i) {
    const LookAlphas& at = spending.alphas[i];
    reach.looks.push_back({.number = static_cast<int>(i) + 1,
                           .after_s = spending.looks[i].after_s,
                           .alpha = at.whole,
                           .least_p = spending.least_p(panel, at.whole),
                           .can_fail = spending.can_fail(panel, at),
                           .can_pass = spending.can_decide(panel, at.promotion)});
  }
  reach.can_fail = spending.can_fail_ever(panel);
  reach.can_pass = spending.can_pass_ever(panel);
  reach.needed = spending.needed(devices_by_class(classes));
  reach.visible = visible_harm(spending.policy, guard, metric, spending, panel);
  reach.message = sentence_of(reach, past.looked_at, classes);
  return reach;
}

std::string refusal_of(const GuardReach& guard, const std::vector<ClassCount>& classes) {
  const char* others = guard.needed ? "; or write \"canary\": \"widen\", or make the guard automatic"
                                    : "; make the guard automatic, or leave others out";
  return "the policy requires the guard on " + words_of(guard.metric) + ", and a first wave of " +
         devices_in_words(canaries_of(classes)) + " can " + what_it_cannot(guard) + ": " +
         remedy(guard.needed, classes) + others;
}

json encode_guard_reach(const GuardReach& guard) {
  json looks = json::array();
  for (const auto& look : guard.looks) {
    looks.push_back({{"number", look.number},
                     {"after_s", look.after_s},
                     {"alpha", look.alpha},
                     {"least_p", look.least_p},
                     {"can_fail", look.can_fail},
                     {"can_pass", look.can_pass}});
  }
  return {{"metric", to_string(guard.metric)},
          {"mode", to_string(guard.mode)},
          {"scale", to_string(guard.metric.scale)},
          {"worse", to_string(guard.metric.worse)},
          {"measurable", is_measurable(guard)},
          {"reported_by", guard.reported_by},
          {"can_fail", guard.can_fail},
          {"can_pass", guard.can_pass},
          {"needed", guard.needed ? json(*guard.needed) : json(nullptr)},
          {"visible", guard.visible ? json(*guard.visible) : json(nullptr)},
          {"looks", looks},
          {"message", guard.message}};
}

}  // namespace

std::uint64_t devices_of(const std::vector<ClassCount>& classes) {
  std::uint64_t devices = 0;
  for (const auto& one : classes) devices += one.devices;
  return devices;
}

std::uint64_t canaries_of(const std::vector<ClassCount>& classes) {
  std::uint64_t canaries = 0;
  for (const auto& one : classes) canaries += one.canaries;
  return canaries;
}

Result<CanaryReach> reach_of(const Policy& policy, const std::vector<ClassCount>& classes, const FleetPast& past,
                             std::optional<std::uint64_t> written_as) {
  CanaryReach reach{.classes = classes, .looked_at = past.looked_at};
  if (written_as && *written_as < canaries_of(classes)) reach.written_as = written_as;
  ARGOSY_CHECK(for_each_spending(policy, classes.size(), [&](const GuardPolicy& guard, const Spending& spending) {
    reach.guards.push_back(guard_reach(guard, spending, classes, past));
  }));
  reach.summary = summary_of(reach);
  return reach;
}

Result<std::vector<WavePolicy>> waves_for(const Policy& policy, const std::vector<ClassCount>& classes) {
  if (policy.canary != Canary::widen || policy.waves.size() < 2) return policy.waves;
  const auto devices = devices_by_class(classes);
  std::uint64_t canaries = canaries_of(classes);
  const auto written = canaries;
  ARGOSY_CHECK(for_each_spending(policy, classes.size(), [&](const GuardPolicy& guard, const Spending& spending) {
    if (guard.mode == GuardMode::advisory) return;
    canaries = std::max(canaries, spending.needed(devices).value_or(0));
  }));
  auto waves = policy.waves;
  if (canaries > written) waves.front() = {.devices = static_cast<std::int64_t>(canaries)};
  return waves;
}

Result<std::string> canary_refusal(const Policy& policy, const std::vector<ClassCount>& classes) {
  const auto panel = compared(policy, sizes_of(classes));
  std::string refused;
  ARGOSY_CHECK(for_each_spending(policy, classes.size(), [&](const GuardPolicy& guard, const Spending& spending) {
    if (guard.mode != GuardMode::required || !refused.empty()) return;
    GuardReach reach{
        .metric = guard.metric, .can_fail = spending.can_fail_ever(panel), .can_pass = spending.can_pass_ever(panel)};
    if (is_in_reach(reach)) return;
    reach.needed = spending.needed(devices_by_class(classes));
    refused = refusal_of(reach, classes);
  }));
  return refused;
}

json encode(const CanaryReach& reach) {
  json classes = json::array();
  for (const auto& one : reach.classes)
    classes.push_back({{"class", one.name}, {"devices", one.devices}, {"canaries", one.canaries}});
  json guards = json::array();
  for (const auto& guard : reach.guards) guards.push_back(encode_guard_reach(guard));
  const std::uint64_t canaries = canaries_of(reach.classes);
  return {{"canaries", canaries},
          {"controls", devices_of(reach.classes) - canaries},
          {"widened_from", reach.written_as ? json(*reach.written_as) : json(nullptr)},
          {"classes", classes},
          {"looked_at", reach.looked_at},
          {"summary", reach.summary},
          {"guards", guards}};
}

}  // namespace argosy::server
