#include "server/rules/rule_preview.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <nlohmann/json.hpp>

namespace argosy::server {

namespace {

using nlohmann::json;
using Stage = RuleProgress::Stage;

constexpr std::chrono::hours week{7 * 24};

bool fired_more(const PreviewedPair& a, const PreviewedPair& b) {
  return std::pair(b.fired, a.device) < std::pair(a.fired, b.device);
}

json to_json(const PreviewedPair& pair) {
  auto episodes = json::array();
  for (const auto& [from, to, value] : pair.episodes)
    episodes.push_back({{"from", to_rfc3339(from)}, {"to", to ? json(to_rfc3339(*to)) : json()}, {"value", value}});
  return {{"device_id", pair.device},
          {"model", pair.model},
          {"fired", pair.fired},
          {"firing_s", pair.firing.count() / 1000},
          {"episodes", std::move(episodes)}};
}

}  // namespace

Instant learns_from(const Rule& rule, Instant from) {
  if (std::holds_alternative<AgainstUsual>(rule.condition)) return from - week;
  if (const auto* trend = std::get_if<Trend>(&rule.condition))
    return from -
           std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::ratio<3600>>(trend->within_h));
  return from - rule.lasts;
}

PreviewedPair preview_pair(const Rule& rule, const PreviewQuestion& question, std::string device, std::string model,
                           const std::vector<RuleFigure>& figures) {
  PreviewedPair pair{std::move(device), std::move(model)};
  RuleProgress progress;
  std::optional<PreviewEpisode> open;
  const auto close = [&](std::optional<Instant> at) {
    if (!open) return;
    open->to = at;
    pair.firing += at.value_or(question.to) - open->from;
    pair.episodes.push_back(*open);
    if (pair.episodes.size() > RulePreview::episodes_listed) pair.episodes.erase(pair.episodes.begin());
    open.reset();
  };
  for (const auto& figure : figures) {
    const auto before = progress.stage;
    const auto verdict = judge_figure(rule, progress, figure);
    const bool counts = figure.at >= question.from;
    if (before != Stage::firing && verdict.stage == Stage::firing && counts) {
      ++pair.fired;
      open = PreviewEpisode{figure.at, std::nullopt, verdict.value};
    }
    if (before == Stage::firing && verdict.stage != Stage::firing) close(figure.at);
  }
  close(std::nullopt);
  return pair;
}

void add_to(RulePreview& preview, PreviewedPair pair) {
  if (pair.fired == 0) return;
  preview.fired += pair.fired;
  preview.pairs.insert(std::upper_bound(preview.pairs.begin(), preview.pairs.end(), pair, fired_more), std::move(pair));
  if (preview.pairs.size() > RulePreview::pairs_listed) preview.pairs.pop_back();
}

std::string preview_to_json(const RulePreview& preview) {
  auto pairs = json::array();
  for (const auto& pair : preview.pairs) pairs.push_back(to_json(pair));
  return json{{"from", to_rfc3339(preview.of.from)},
              {"to", to_rfc3339(preview.of.to)},
              {"devices", preview.devices},
              {"looked", preview.looked},
              {"is_sample", preview.is_sample()},
              {"figures", preview.figures},
              {"fired", preview.fired},
              {"fired_devices", preview.fired_devices},
              {"items", std::move(pairs)}}
      .dump();
}

}  // namespace argosy::server
