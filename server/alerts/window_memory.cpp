#include "server/alerts/window_memory.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"
#include "server/telemetry/packed.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

// The labels that the rule looks at lie in about so many runs.
constexpr std::uint64_t runs_of_labels = 8;
// And fresh ones in so many steps.
constexpr int steps_of_fresh = 60;

// The list of lists of numbers in `text`, those of another length left out.
std::vector<std::vector<double>> numbers_of(const std::string& text, std::size_t length) {
  std::vector<std::vector<double>> lists;
  const auto document = json_or_null(text);
  if (!document.is_array()) return lists;
  for (const auto& entry : document) {
    const bool is_whole = entry.is_array() && entry.size() == length &&
                          std::all_of(entry.begin(), entry.end(), [](const json& value) { return value.is_number(); });
    if (is_whole) lists.push_back(entry.get<std::vector<double>>());
  }
  return lists;
}

Instant instant_of(double unix_ms) {
  return instant_from_ms(static_cast<std::int64_t>(unix_ms));
}

std::size_t span_of(const LatencyRule& rule) {
  return std::max(rule.open_of, rule.close_after);
}

AlertFinding latency_finding(const ServedVersion& served, const LatencyJudgement& judgement) {
  char text[256];
  const char* format = judgement.state == AlertState::ok
                           ? "%s: latency of %s %s is back at %.1f ms (p95), usual here at this hour is %.1f ms"
                           : "%s: latency of %s %s is %.1f ms (p95), usual here at this hour is %.1f ms";
  std::snprintf(text, sizeof text, format, served.device.c_str(), served.model.c_str(), served.version.c_str(),
                judgement.value_ms, judgement.baseline_ms);
  AlertFinding finding{std::string(built_in::latency_doubled.name),
                       std::string(built_in::latency_doubled.severity),
                       served.device,
                       served.model,
                       judgement.state,
                       judgement.value_ms,
                       judgement.high_from_ms,
                       text,
                       {}};
  finding.details_json = json{
      {"version", served.version},
      {"p95_ms", judgement.value_ms},
      {"baseline_p95_ms", judgement.baseline_ms},
      {"ratio",
       judgement.ratio}}.dump();
  return finding;
}

AlertFinding accuracy_finding(const ServedVersion& served, double threshold, const AccuracyJudgement& judgement) {
  char text[320];
  const char* format =
      judgement.state == AlertState::ok
          ? "%s: accuracy of %s %s is back at %.1f %% (%.1f to %.1f) of %llu labels (it must reach %.1f %%)"
          : "%s: accuracy of %s %s is %.1f %% (%.1f to %.1f) of %llu labels (it must reach %.1f %%)";
  std::snprintf(text, sizeof text, format, served.device.c_str(), served.model.c_str(), served.version.c_str(),
                100 * judgement.value, 100 * judgement.bounds.lower, 100 * judgement.bounds.upper,
                static_cast<unsigned long long>(judgement.labels), 100 * threshold);
  AlertFinding finding{std::string(built_in::accuracy_low.name),
                       std::string(built_in::accuracy_low.severity),
                       served.device,
                       served.model,
                       judgement.state,
                       judgement.value,
                       threshold,
                       text,
                       {}};
  finding.details_json = json{{"version", served.version},
                              {"lower_bound", judgement.bounds.lower},
                              {"upper_bound", judgement.bounds.upper},
                              {"labels", judgement.labels},
                              {"effective_labels", std::round(judgement.effective_labels)}}
                             .dump();
  return finding;
}

// An alert on a version that the device no longer serves says nothing any more. The state that remains.
AlertState close_for_other_version(std::vector<AlertFinding>& findings, const BuiltInRule& rule,
                                   const ServedVersion& served, const OngoingAlert& alert) {
  if (alert.state == AlertState::ok || alert.version.empty() || alert.version == served.version) return alert.state;
  AlertFinding finding;
  finding.rule = rule.name;
  finding.severity = rule.severity;
  finding.device = served.device;
  finding.model = served.model;
  finding.message = served.device + ": " + served.model + " " + alert.version + " was replaced by " + served.version;
  findings.push_back(std::move(finding));
  return AlertState::ok;
}

// Where a window holds few inferences, several are one: the slowest of five is about their p95. Whether it is whole.
bool take_in(const LatencyRule& rule, std::vector<LatencyWindow>& recent, const LatencyWindow& window,
             Duration longest) {
  const bool is_few = window.count < rule.min_count;
  const bool is_begun = !recent.empty() && recent.back().count < rule.min_count;
  const bool goes_on = is_begun && is_few && window.started_at - recent.back().started_at < longest;
  if (goes_on) {
    recent.back().count += window.count;
    recent.back().p95_ms = std::max(recent.back().p95_ms, window.p95_ms);
  } else {
    if (is_begun) recent.pop_back();
    recent.push_back(window);
    if (recent.size() > span_of(rule)) recent.erase(recent.begin());
  }
  return recent.back().count >= rule.min_count;
}

AlertState judge_latency_of(const WindowRules& rules, const ServedVersion& served, WindowMemory& memory,
                            AlertState present, const std::vector<JudgedWindow>& windows,
                            std::vector<AlertFinding>& findings) {
  for (const auto& window : windows) {
    const bool is_newest = !memory.newest || memory.newest->started_at < window.started_at;
    if (is_newest && window.p95_ms && std::isfinite(*window.p95_ms))
      memory.newest = LatencyWindow{window.started_at, *window.p95_ms, window.count};
    if (window.count == 0 || !window.p95_ms || !std::isfinite(*window.p95_ms)) continue;
    const LatencyWindow taken{window.started_at, *window.p95_ms, window.count};
    if (!take_in(rules.latency, memory.recent, taken, rules.longest_look)) continue;
    const auto judgement = judge_latency(rules.latency, memory.baseline, present, memory.recent);
    if (next_step(present, judgement.state) != AlertStep::none) findings.push_back(latency_finding(served, judgement));
    present = judgement.state;
  }
  return present;
}

void add_labels(const AccuracyRule& rule, std::vector<LabelRun>& runs, const JudgedWindow& window, Duration longest) {
  if (window.labelled == 0) return;
  const bool fits = !runs.empty() &&
                    runs.back().labels.labelled < std::max<std::uint64_t>(1, rule.labels / runs_of_labels) &&
                    window.started_at - runs.back().from < longest / runs_of_labels;
  if (!fits) runs.push_back({window.started_at, window.started_at, {}});
  runs.back().to = window.started_at;
  runs.back().labels.labelled += window.labelled;
  runs.back().labels.correct += std::min(window.correct, window.labelled);
}

void add_fresh(std::vector<FreshLabels>& fresh, const JudgedWindow& window) {
  if (window.labelled == 0) return;
  constexpr Duration step = labels_are_fresh_for / steps_of_fresh;
  if (fresh.empty() || window.started_at - fresh.back().at >= step) fresh.push_back({window.started_at, 0, 0});
  constexpr std::uint64_t most = 1U << 31;
  fresh.back().labelled += static_cast<std::uint32_t>(std::min(window.labelled, most / steps_of_fresh));
  fresh.back().correct +=
      static_cast<std::uint32_t>(std::min({window.correct, window.labelled, most / steps_of_fresh}));
  const Instant oldest = window.started_at - labels_are_fresh_for;
  std::erase_if(fresh, [oldest](const FreshLabels& labels) { return labels.at <= oldest; });
}

// Keeps the newest runs that hold the labels the rule looks at, and none that is too old; where few come, those of the
// week that hold as many as close an alert.
void forget_labels(const WindowRules& rules, std::vector<LabelRun>& runs, Instant now) {
  std::uint64_t labels = 0;
  auto first = runs.end();
  constexpr int a_week = 7;  // of longest looks
  while (first != runs.begin()) {
    const auto& older = *std::prev(first);
    const bool is_recent = older.to > now - rules.longest_look;
    if (labels >= (is_recent ? rules.accuracy.labels : rules.accuracy.min_labels)) break;
    if (older.to <= now - a_week * rules.longest_look) break;
    --first;
    labels += first->labels.labelled;
  }
  runs.erase(runs.begin(), first);
}

AccuracySeen accuracy_seen(const AccuracyRule& rule, double threshold, const WindowMemory& memory) {
  AccuracySeen seen;
  for (const auto& run : memory.labels) {
    seen.newest.labelled += run.labels.labelled;
    seen.newest.correct += run.labels.correct;
  }
  seen.newest_span_hours = std::chrono::duration<double, std::ratio<3600>>(
                               std::max(Duration{0}, memory.labels.back().to - memory.labels.front().from))
                               .count();
  seen.likeness = memory.falls.likeness(rule.fall);
  seen.fall_hours = memory.falls.hours(rule.fall, threshold);
  return seen;
}

AlertState judge_accuracy_of(const WindowRules& rules, const ServedVersion& served, WindowMemory& memory,
                             AlertState present, const std::vector<JudgedWindow>& windows, Instant now,
                             std::vector<AlertFinding>& findings) {
  const bool may_open = served.accuracy_threshold && present != AlertState::firing;
  for (const auto& window : windows) {
    add_fresh(memory.fresh, window);
    add_labels(rules.accuracy, memory.labels, window, rules.longest_look);
    if (memory.labels.size() > 4 * runs_of_labels) forget_labels(rules, memory.labels, now);
    if (may_open)
      memory.falls.add(rules.accuracy.fall, *served.accuracy_threshold, window.started_at, window.correct,
                       window.labelled);
  }
  forget_labels(rules, memory.labels, now);
  if (!served.accuracy_threshold || memory.labels.empty()) return present;
  const auto judgement = judge_accuracy(rules.accuracy, *served.accuracy_threshold, present,
                                        accuracy_seen(rules.accuracy, *served.accuracy_threshold, memory));
  if (next_step(present, judgement.state) != AlertStep::none)
    findings.push_back(accuracy_finding(served, *served.accuracy_threshold, judgement));
  if (judgement.state == AlertState::firing) memory.falls.forget_falls();
  return judgement.state;
}

}  // namespace

std::string recent_to_json(const WindowMemory& memory) {
  auto document = json::array();
  for (const auto& window : memory.recent)
    document.push_back(json::array({to_ms(window.started_at), window.p95_ms, window.count}));
  return document.dump();
}

std::string labels_to_json(const WindowMemory& memory) {
  auto document = json::array();
  for (const auto& run : memory.labels)
    document.push_back(json::array({to_ms(run.from), to_ms(run.to), run.labels.labelled, run.labels.correct}));
  return document.dump();
}

std::string falls_to_json(const WindowMemory& memory) {
  const auto& state = memory.falls.state();
  const auto& likeness = state.likeness;
  auto numbers = json::array({to_ms(state.hour_began), state.labels, state.right, likeness.share, likeness.share_weight,
                              likeness.likeness, likeness.likeness_weight});
  for (const double sum : state.sums) numbers.push_back(sum);
  return json::array({std::move(numbers)}).dump();
}

std::string fresh_to_json(const WindowMemory& memory) {
  auto document = json::array();
  for (const auto& labels : memory.fresh)
    document.push_back(json::array({to_ms(labels.at), labels.labelled, labels.correct}));
  return document.dump();
}

void remember_recent(WindowMemory& memory, const std::string& text) {
  memory.recent.clear();
  for (const auto& entry : numbers_of(text, 3))
    memory.recent.push_back({instant_of(entry[0]), entry[1], static_cast<std::uint64_t>(entry[2])});
}

void remember_labels(WindowMemory& memory, const std::string& text) {
  memory.labels.clear();
  for (const auto& entry : numbers_of(text, 4))
    memory.labels.push_back({instant_of(entry[0]),
                             instant_of(entry[1]),
                             {static_cast<std::uint64_t>(entry[2]), static_cast<std::uint64_t>(entry[3])}});
}

void remember_falls(WindowMemory& memory, const std::string& text) {
  FallEvidence::State state;
  for (const auto& numbers : numbers_of(text, 7 + state.sums.size())) {
    state.hour_began = instant_of(numbers[0]);
    state.labels = static_cast<std::uint64_t>(numbers[1]);
    state.right = static_cast<std::uint64_t>(numbers[2]);
    state.likeness = {numbers[3], numbers[4], numbers[5], numbers[6]};
    std::copy_n(numbers.begin() + 7, state.sums.size(), state.sums.begin());
  }
  memory.falls = FallEvidence(state);
}

void remember_fresh(WindowMemory& memory, const std::string& text) {
  memory.fresh.clear();
  for (const auto& entry : numbers_of(text, 3))
    memory.fresh.push_back(
        {instant_of(entry[0]), static_cast<std::uint32_t>(entry[1]), static_cast<std::uint32_t>(entry[2])});
}

namespace {

void put(Packer& out, const FallEvidence::State& falls) {
  out.put(falls.hour_began);
  out.put(falls.labels);
  out.put(falls.right);
  const auto& likeness = falls.likeness;
  for (const double number : {likeness.share, likeness.share_weight, likeness.likeness, likeness.likeness_weight})
    out.put_exact(number);
  for (const double sum : falls.sums) out.put_exact(sum);
}

FallEvidence::State falls_of(Unpacker& in) {
  FallEvidence::State falls;
  falls.hour_began = in.instant();
  falls.labels = in.number();
  falls.right = in.number();
  auto& likeness = falls.likeness;
  for (double* number : {&likeness.share, &likeness.share_weight, &likeness.likeness, &likeness.likeness_weight})
    *number = in.exact();
  for (double& sum : falls.sums) sum = in.exact();
  return falls;
}

void put(Packer& out, const WindowMemory& memory) {
  out.put_exact(memory.baseline.ln_p95_mean);
  out.put(memory.baseline.windows);
  out.put(memory.baseline.until);
  out.put_exact(memory.baseline.high_share);
  out.put(memory.read_until);
  const Bytes by_hour = memory.baseline.by_hour.pack();
  out.put(by_hour.size());
  out.put_bytes(by_hour);
  out.put(memory.recent.size());
  for (const auto& window : memory.recent) {
    out.put(window.started_at);
    out.put_exact(window.p95_ms);
    out.put(window.count);
  }
  out.put(memory.labels.size());
  for (const auto& run : memory.labels) {
    out.put(run.from);
    out.put(run.to);
    out.put(run.labels.labelled);
    out.put(run.labels.correct);
  }
  put(out, memory.falls.state());
}

}  // namespace

Bytes pack(const WindowMemory& memory) {
  return packed_by([&memory](Packer& out) { put(out, memory); });
}

WindowMemory unpack_window_memory(ByteView bytes) {
  Unpacker in(bytes);
  WindowMemory memory;
  memory.is_new = false;
  memory.baseline.ln_p95_mean = in.exact();
  memory.baseline.windows = in.number();
  memory.baseline.until = in.instant();
  memory.baseline.high_share = in.exact();
  memory.read_until = in.instant();
  memory.baseline.by_hour = HourlyUsual::unpack(in.bytes(in.number()));
  for (auto left = in.number(); left > 0 && !in.is_at_end(); --left) {
    const Instant started_at = in.instant();
    const double p95_ms = in.exact();
    memory.recent.push_back({started_at, p95_ms, in.number()});
  }
  for (auto left = in.number(); left > 0 && !in.is_at_end(); --left) {
    const Instant from = in.instant();
    const Instant to = in.instant();
    const auto labelled = in.number();
    memory.labels.push_back({from, to, {labelled, in.number()}});
  }
  memory.falls = FallEvidence(falls_of(in));
  return memory;
}

WindowJudgement judge_windows(const WindowRules& rules, const ServedVersion& served, WindowMemory& memory,
                              const OngoingAlert& latency_alert, const OngoingAlert& accuracy_alert,
                              const std::vector<JudgedWindow>& windows, Instant now) {
  WindowJudgement judgement;
  auto& findings = judgement.findings;
  const auto latency = close_for_other_version(findings, built_in::latency_doubled, served, latency_alert);
  judgement.latency = judge_latency_of(rules, served, memory, latency, windows, findings);
  const auto accuracy = close_for_other_version(findings, built_in::accuracy_low, served, accuracy_alert);
  judgement.accuracy = judge_accuracy_of(rules, served, memory, accuracy, windows, now, findings);
  if (!windows.empty()) memory.read_until = std::max(memory.read_until, windows.back().started_at);
  return judgement;
}

}  // namespace argosy::server
