#include "server/rules/pair_rules.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/varint.hpp"

namespace argosy::server {

namespace {

using Stage = RuleProgress::Stage;

// What cannot be read counts as forgotten.
Bytes bytes_of(const std::string& hex) {
  auto bytes = from_hex(hex);
  return bytes ? std::move(*bytes) : Bytes{};
}

std::string figure_of(double value, std::string_view unit) {
  char text[64];
  std::snprintf(text, sizeof text, "%.4g", value);
  return std::string(text) + (unit.empty() ? "" : " " + std::string(unit));
}

std::string what_is(const ReadyRule& rule, const RuleVerdict& verdict) {
  if (const auto* trend = std::get_if<Trend>(&rule.rule.condition)) {
    const bool is_coming = std::isfinite(verdict.value);
    return rule.rule.metric + (is_coming ? " reaches " : " does not come near ") +
           figure_of(trend->reaches, unit_of(rule.metric)) +
           (is_coming ? " in " + figure_of(verdict.value, "h") + " if it goes on like this" : " any more");
  }
  const bool is_over = verdict.stage != Stage::firing;
  return rule.rule.metric + (is_over ? " is back at " : " is ") + figure_of(verdict.value, unit_of(rule.metric)) +
         (is_over ? "" : " (limit " + figure_of(verdict.threshold, unit_of(rule.metric)) + ")");
}

AlertFinding finding_of(const ReadyRule& rule, const WatchedPair& pair, const RuleVerdict& verdict) {
  AlertFinding finding;
  finding.rule = rule.rule.name;
  finding.severity = to_string(rule.rule.severity);
  finding.device = pair.device;
  finding.model = pair.model;
  finding.state = verdict.stage == Stage::firing ? AlertState::firing : AlertState::ok;
  if (std::isfinite(verdict.value)) finding.value = verdict.value;
  finding.threshold = verdict.threshold;
  finding.message = pair.device + ": " + (pair.model.empty() ? "" : pair.model + ": ") + what_is(rule, verdict);
  finding.details_json =
      nlohmann::json{{"title", rule.rule.title}, {"metric", rule.rule.metric}, {"condition", sentence_of(rule.rule)}}
          .dump();
  return finding;
}

}  // namespace

PairRules::PairRules(const RuleTable& table, const KeptRules& kept, RuleScope scope,
                     const std::vector<std::string>& firing)
    : version_(kept.version), heard_until_(kept.heard_until), scope_(std::move(scope)) {
  const Bytes packed = bytes_of(kept.progress);
  ByteView bytes(packed);
  while (!bytes.empty()) {
    const auto rule = take_varint(bytes);
    const auto length = take_varint(bytes);
    if (!rule || !length || *length > bytes.size()) break;
    const auto id = static_cast<RuleId>(*rule);
    if (table.find(id) != nullptr) tracked(id).progress = RuleProgress::unpack(bytes.first(*length));
    bytes = bytes.subspan(*length);
  }
  const auto fires = [&firing](const Rule& rule) {
    return std::find(firing.begin(), firing.end(), rule.name) != firing.end();
  };
  // Alerts know best which of them fire.
  for (auto& [id, progress, newest] : tracked_)
    if (progress.stage == Stage::firing && !fires(table.find(id)->rule)) progress.stage = Stage::calm;
  for (const auto& rules : {table.of_windows(), table.of_health()})
    for (const auto& rule : rules)
      if (fires(rule.rule)) tracked(rule.id).progress.stage = Stage::firing;
}

std::size_t PairRules::bytes() const {
  constexpr std::size_t of_step = 16;
  constexpr std::size_t latency_windows = 10 * sizeof(LatencyWindow);
  std::size_t sum = sizeof(*this) + tracked_.capacity() * sizeof(Tracked) +
                    findings_.capacity() * sizeof(AlertFinding) + scope_.rules.capacity() * sizeof(RuleId);
  for (const auto& each : tracked_)
    sum += (each.progress.trend.is_empty() ? 0 : TrendLine::steps * of_step) +
           (each.progress.usual ? sizeof(RuleProgress::Usual) + latency_windows : 0);
  return sum;
}

bool PairRules::is_for_us(const ReadyRule& rule) const {
  return !rule.has_filter() || std::binary_search(scope_.rules.begin(), scope_.rules.end(), rule.id);
}

PairRules::Tracked& PairRules::tracked(RuleId rule) {
  for (auto& each : tracked_)
    if (each.rule == rule) return each;
  return tracked_.emplace_back(Tracked{rule});
}

void PairRules::hear(const RuleTable& table, const WatchedPair& pair, const TakenWindow& window) {
  if (window.started_at <= heard_until_) return;
  heard_until_ = window.started_at;
  if (window.version != version_) forget_usual(table, pair, window.version);
  for (const auto& rule : table.of_windows()) {
    if (!is_for_us(rule)) continue;
    if (const auto figure = figure_in(rule, window)) judge(rule, pair, *figure);
  }
}

void PairRules::hear(const RuleTable& table, const WatchedPair& pair, const TakenHealth& health) {
  if (health.at <= heard_until_) return;
  heard_until_ = health.at;
  for (const auto& rule : table.of_health()) {
    if (!is_for_us(rule)) continue;
    if (const auto figure = figure_in(rule, health)) judge(rule, pair, *figure);
  }
}

void PairRules::judge(const ReadyRule& rule, const WatchedPair& pair, const RuleFigure& figure) {
  auto& [id, progress, newest] = tracked(rule.id);
  const auto before = progress.stage;
  const auto steps_before = progress.trend.newest_step();
  newest = judge_figure(rule.rule, progress, figure);
  const bool moved = (before == Stage::firing) != (progress.stage == Stage::firing);
  if (moved) findings_.push_back(finding_of(rule, pair, newest));
  is_dirty = is_dirty || before != progress.stage || steps_before != progress.trend.newest_step() ||
             std::holds_alternative<AgainstUsual>(rule.rule.condition);
  if (progress.is_blank()) std::erase_if(tracked_, [&rule](const Tracked& each) { return each.rule == rule.id; });
}

// Another version has another latency.
void PairRules::forget_usual(const RuleTable& table, const WatchedPair& pair, const std::string& version) {
  if (!version_.empty()) {
    std::erase_if(tracked_, [&](const Tracked& each) {
      const auto* rule = table.find(each.rule);
      if (rule == nullptr || !std::holds_alternative<AgainstUsual>(rule->rule.condition)) return false;
      if (each.progress.stage == Stage::firing) {
        auto finding = finding_of(*rule, pair, {});
        finding.message = pair.device + ": " + pair.model + " " + version_ + " was replaced by " + version;
        findings_.push_back(std::move(finding));
      }
      return true;
    });
  }
  version_ = version;
}

// Rules that were changed, and are not for this device any more. The alerts of those that are gone end by themselves.
void PairRules::forget_others(const RuleTable& table, const WatchedPair& pair) {
  std::erase_if(tracked_, [&](const Tracked& each) {
    const auto* rule = table.find(each.rule);
    if (rule != nullptr && is_for_us(*rule)) return false;
    if (rule != nullptr && each.progress.stage == Stage::firing) {
      auto finding = finding_of(*rule, pair, {});
      finding.value.reset();
      finding.message = pair.device + " is not among the devices of the rule any more";
      findings_.push_back(std::move(finding));
    }
    is_dirty = true;
    return true;
  });
}

std::vector<AlertFinding> PairRules::take_findings(const RuleTable& table, const WatchedPair& pair, Instant now) {
  forget_others(table, pair);
  if (findings_.empty() && now - refreshed_at_ >= refresh_every) {
    for (const auto& [id, progress, newest] : tracked_)
      if (progress.stage == Stage::firing && newest.stage == Stage::firing && std::isfinite(newest.value))
        findings_.push_back(finding_of(*table.find(id), pair, newest));
  }
  if (!findings_.empty()) refreshed_at_ = now;
  return std::exchange(findings_, {});
}

KeptRules PairRules::kept() const {
  Bytes bytes;
  for (const auto& [id, progress, newest] : tracked_) {
    const Bytes packed = progress.pack();
    put_varint(bytes, static_cast<std::uint64_t>(id));
    put_varint(bytes, packed.size());
    bytes.insert(bytes.end(), packed.begin(), packed.end());
  }
  return {version_, heard_until_, to_hex(bytes)};
}

}  // namespace argosy::server
