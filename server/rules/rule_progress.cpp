#include "server/rules/rule_progress.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <limits>

#include "common/base/varint.hpp"
#include "common/stats/robust.hpp"

namespace argosy::server {

namespace {

using Stage = RuleProgress::Stage;

constexpr double over_again = 1.5;    // a trend is over when it would take so many times as long
constexpr double steady_share = 0.7;  // of the pairs of steps that have to go the same way
constexpr std::size_t latency_windows_kept = 10;

double step_hours(const Trend& trend) {
  return trend.within_h / static_cast<double>(TrendLine::steps);
}

void put_float(Bytes& out, float number) {
  const auto bits = std::bit_cast<std::uint32_t>(number);
  for (unsigned shift = 0; shift < 32; shift += 8) out.push_back(static_cast<std::uint8_t>(bits >> shift));
}

float take_float(ByteView& bytes) {
  if (bytes.size() < 4) {
    bytes = {};
    return 0;
  }
  std::uint32_t bits = 0;
  for (unsigned place = 0; place < 4; ++place) bits |= std::uint32_t{bytes[place]} << (8 * place);
  bytes = bytes.subspan(4);
  const auto number = std::bit_cast<float>(bits);
  return std::isfinite(number) ? number : 0;
}

std::int64_t take_signed(ByteView& bytes) {
  return unzigzag(take_varint(bytes).value_or(0));
}

// A condition that has to last: from where it was to where it is now.
void move_on(const Rule& rule, RuleProgress& progress, bool holds, bool is_clear, Instant at) {
  if (progress.stage == Stage::firing) {
    if (is_clear) progress.stage = Stage::calm;
    return;
  }
  if (!holds) {
    progress.stage = Stage::calm;
    return;
  }
  if (progress.stage == Stage::calm) progress.since = at;
  progress.stage = at - progress.since >= rule.lasts ? Stage::firing : Stage::waiting;
}

RuleVerdict judge_by(const Threshold& threshold, const Rule& rule, RuleProgress& progress, const RuleFigure& figure) {
  const bool holds = threshold.is_above ? figure.value >= threshold.at : figure.value <= threshold.at;
  const bool is_back = threshold.is_above ? figure.value <= threshold.clear_at : figure.value >= threshold.clear_at;
  move_on(rule, progress, holds, !holds && is_back, figure.at);
  return {progress.stage, figure.value, threshold.at};
}

RuleVerdict judge_by(const Trend& trend, const Rule& rule, RuleProgress& progress, const RuleFigure& figure) {
  const bool is_new_step = progress.trend.add(trend, figure.at, figure.value);
  // Within a step a trend hardly turns.
  if (!is_new_step && progress.stage != Stage::waiting)
    return {progress.stage, std::numeric_limits<double>::infinity(), trend.within_h};
  const auto left = progress.trend.hours_left(trend);
  const bool holds = left && *left <= trend.within_h;
  const bool is_clear = !left || *left > over_again * trend.within_h;
  move_on(rule, progress, holds, is_clear, figure.at);
  return {progress.stage, left.value_or(std::numeric_limits<double>::infinity()), trend.within_h};
}

Stage stage_of(AlertState state) {
  return state == AlertState::firing ? Stage::firing : state == AlertState::pending ? Stage::waiting : Stage::calm;
}

AlertState state_of(Stage stage) {
  return stage == Stage::firing ? AlertState::firing : stage == Stage::waiting ? AlertState::pending : AlertState::ok;
}

RuleVerdict judge_by(const AgainstUsual& usual, const Rule&, RuleProgress& progress, const RuleFigure& figure) {
  const LatencyRule latency = latency_rule_of(usual);
  if (figure.samples < latency.min_count) return {progress.stage, figure.value, 0};
  if (!progress.usual) progress.usual = std::make_unique<RuleProgress::Usual>();
  auto& [baseline, recent] = *progress.usual;
  recent.push_back({figure.at, figure.value, figure.samples});
  if (recent.size() > latency_windows_kept) recent.erase(recent.begin());
  const auto before = progress.stage;
  const auto judgement = judge_latency(latency, baseline, state_of(before), recent);
  progress.stage = stage_of(judgement.state);
  if (before == Stage::calm && progress.stage != Stage::calm) progress.since = figure.at;
  return {progress.stage, judgement.value_ms, judgement.high_from_ms};
}

RuleVerdict judge_by(const ByJudge&, const Rule&, RuleProgress& progress, const RuleFigure& figure) {
  return {progress.stage, figure.value, 0};
}

}  // namespace

bool TrendLine::add(const Trend& trend, Instant at, double value) {
  const double hours = std::chrono::duration<double, std::ratio<3600>>(at.time_since_epoch()).count();
  const auto number = static_cast<std::int64_t>(std::floor(hours / step_hours(trend)));
  if (!steps_.empty() && number < steps_.back().number) return false;
  const bool is_new = steps_.empty() || number > steps_.back().number;
  if (is_new) {
    steps_.push_back({number, 0, 0});
    std::erase_if(steps_, [number](const Step& step) {
      return step.number <= number - static_cast<std::int64_t>(TrendLine::steps);
    });
  }
  auto& step = steps_.back();
  ++step.values;
  step.mean += static_cast<float>((value - static_cast<double>(step.mean)) / static_cast<double>(step.values));
  return is_new;
}

// The slope is the median over all pairs of steps (Theil and Sen); most of the pairs must agree with its direction.
std::optional<double> TrendLine::hours_left(const Trend& trend) const {
  if (steps_.size() < least_steps) return std::nullopt;
  const double gap = trend.reaches - static_cast<double>(steps_.back().mean);
  if (gap == 0) return 0.0;
  std::vector<double> slopes;
  slopes.reserve(steps_.size() * (steps_.size() - 1) / 2);
  std::size_t towards = 0;
  for (std::size_t later = 1; later < steps_.size(); ++later) {
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      const auto apart = static_cast<double>(steps_[later].number - steps_[earlier].number) * step_hours(trend);
      slopes.push_back(static_cast<double>(steps_[later].mean - steps_[earlier].mean) / apart);
      if (slopes.back() * gap > 0) ++towards;
    }
  }
  if (static_cast<double>(towards) < steady_share * static_cast<double>(slopes.size())) return std::nullopt;
  const double slope = median(std::move(slopes)).value_or(0);
  if (slope * gap <= 0) return std::nullopt;
  return gap / slope;
}

void TrendLine::put(Bytes& out) const {
  put_varint(out, steps_.size());
  std::int64_t before = 0;
  for (const auto& step : steps_) {
    put_varint(out, zigzag(step.number - before));
    put_float(out, step.mean);
    put_varint(out, step.values);
    before = step.number;
  }
}

TrendLine TrendLine::take(ByteView& bytes) {
  TrendLine line;
  std::int64_t before = 0;
  for (auto left = std::min<std::uint64_t>(take_varint(bytes).value_or(0), steps); left > 0 && !bytes.empty(); --left) {
    before += take_signed(bytes);
    const float mean = take_float(bytes);
    line.steps_.push_back({before, mean, static_cast<std::uint32_t>(take_varint(bytes).value_or(1))});
  }
  return line;
}

LatencyRule latency_rule_of(const AgainstUsual& usual) {
  LatencyRule latency;
  latency.open_ratio = usual.ratio;
  latency.open_z = usual.z;
  latency.close_ratio = usual.clear_ratio;
  return latency;
}

bool RuleProgress::is_blank() const {
  return stage == Stage::calm && !has_learned();
}

bool RuleProgress::has_learned() const {
  return !trend.is_empty() || usual != nullptr;
}

RuleVerdict judge_figure(const Rule& rule, RuleProgress& progress, const RuleFigure& figure) {
  if (!std::isfinite(figure.value)) return {progress.stage, figure.value, 0};
  return std::visit([&](const auto& condition) { return judge_by(condition, rule, progress, figure); }, rule.condition);
}

Bytes RuleProgress::pack() const {
  Bytes out;
  out.push_back(static_cast<std::uint8_t>(stage));
  put_varint(out, zigzag(to_ms(since)));
  trend.put(out);
  if (!usual) return out;
  const auto& [baseline, recent] = *usual;
  put_float(out, static_cast<float>(baseline.ln_p95_mean));
  put_varint(out, baseline.windows);
  put_varint(out, zigzag(to_ms(baseline.until)));
  put_varint(out, recent.size());
  for (const auto& window : recent) {
    put_varint(out, zigzag(to_ms(window.started_at)));
    put_float(out, static_cast<float>(window.p95_ms));
    put_varint(out, window.count);
  }
  const Bytes by_hour = baseline.by_hour.pack();
  out.insert(out.end(), by_hour.begin(), by_hour.end());
  return out;
}

RuleProgress RuleProgress::unpack(ByteView bytes) {
  RuleProgress progress;
  if (bytes.empty()) return progress;
  const auto stage = std::min<std::uint8_t>(bytes.front(), static_cast<std::uint8_t>(Stage::firing));
  progress.stage = static_cast<Stage>(stage);
  bytes = bytes.subspan(1);
  progress.since = instant_from_ms(take_signed(bytes));
  progress.trend = TrendLine::take(bytes);
  if (bytes.empty()) return progress;
  progress.usual = std::make_unique<Usual>();
  auto& [baseline, recent] = *progress.usual;
  baseline.ln_p95_mean = static_cast<double>(take_float(bytes));
  baseline.windows = take_varint(bytes).value_or(0);
  baseline.until = instant_from_ms(take_signed(bytes));
  auto windows = std::min<std::uint64_t>(take_varint(bytes).value_or(0), latency_windows_kept);
  for (; windows > 0 && !bytes.empty(); --windows) {
    const Instant at = instant_from_ms(take_signed(bytes));
    const auto p95_ms = static_cast<double>(take_float(bytes));
    recent.push_back({at, p95_ms, take_varint(bytes).value_or(0)});
  }
  baseline.by_hour = HourlyUsual::unpack(bytes);
  return progress;
}

}  // namespace argosy::server
