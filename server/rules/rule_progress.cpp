#include "server/rules/rule_progress.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <limits>

#include "common/base/random.hpp"
#include "common/base/varint.hpp"
#include "common/stats/robust.hpp"

namespace argosy::server {

namespace {

using Stage = RuleProgress::Stage;

constexpr double over_again = 1.5;    // a trend is over when it would take so many times as long
constexpr double steady_share = 0.7;  // of the pairs of steps that have to go the same way
constexpr std::size_t latency_windows_kept = 10;
constexpr std::uint8_t tells_of_what = 0x80;   // beside the stage: then comes learned_as
constexpr std::uint8_t tells_of_highs = 0x40;  // then the share of windows that are high by themselves

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

// Figures as they are compared with what is usual, by ratio: moved off 0 by the least change that counts, so that
// twice as much of next to nothing is nothing, and turned over where less is what fires.
class Ratios {
 public:
  explicit Ratios(const AgainstUsual& usual, bool is_latency)
      : moved_by_(is_latency ? 0 : usual.least_change), is_above_(usual.is_above) {}
  double of(double figure) const {
    const double moved = figure + moved_by_;
    if (moved <= 0) return 0;  // judges nothing
    return is_above_ ? moved : 1 / moved;
  }
  double figure_of(double compared) const {
    if (compared <= 0) return 0;
    return (is_above_ ? compared : 1 / compared) - moved_by_;
  }

 private:
  double moved_by_;
  bool is_above_;
};

bool is_latency(const Rule& rule) {
  return rule.metric.starts_with("latency_");
}

// The judge of latency for any figure: of others neither milliseconds count nor how many inferences a window has.
LatencyRule judge_of(const AgainstUsual& usual, const Rule& rule) {
  LatencyRule judge = latency_rule_of(usual);
  if (is_latency(rule)) {
    judge.min_delta_ms = std::max(judge.min_delta_ms, usual.is_above ? usual.least_change : 0);
    if (!usual.is_above) judge.min_delta_ms = 0;
    return judge;
  }
  judge.min_delta_ms = 0;
  judge.open_inferences = 0;
  judge.min_count = 1;
  return judge;
}

RuleVerdict judge_by(const AgainstUsual& usual, const Rule& rule, RuleProgress& progress, const RuleFigure& figure) {
  const LatencyRule judge = judge_of(usual, rule);
  const Ratios ratios(usual, is_latency(rule));
  const double compared = ratios.of(figure.value);
  if (figure.samples < judge.min_count || compared <= 0) return {progress.stage, figure.value, 0};
  if (!progress.usual) progress.usual = std::make_unique<RuleProgress::Usual>();
  auto& [baseline, recent] = *progress.usual;
  recent.push_back({figure.at, compared, figure.samples});
  if (recent.size() > latency_windows_kept) recent.erase(recent.begin());
  const auto before = progress.stage;
  const auto judgement = judge_latency(judge, baseline, state_of(before), recent);
  progress.stage = stage_of(judgement.state);
  if (before == Stage::calm && progress.stage != Stage::calm) progress.since = figure.at;
  return {progress.stage, figure.value, ratios.figure_of(judgement.high_from_ms)};
}

// Of which figures a rule learns; what was learned of others says nothing.
std::uint32_t learns_as(const Rule& rule) {
  std::uint64_t figures = 0;
  if (const auto* usual = std::get_if<AgainstUsual>(&rule.condition))
    figures = std::bit_cast<std::uint64_t>(usual->least_change) + (usual->is_above ? 1 : 2);
  else if (const auto* trend = std::get_if<Trend>(&rule.condition))
    figures = std::bit_cast<std::uint64_t>(trend->within_h) + 3;
  return static_cast<std::uint32_t>(stable_hash(figures, rule.metric)) | 1U;
}

void forget_what_others_learned(const Rule& rule, RuleProgress& progress) {
  const bool learns =
      std::holds_alternative<AgainstUsual>(rule.condition) || std::holds_alternative<Trend>(rule.condition);
  const auto as = learns ? learns_as(rule) : 0;
  if (progress.learned_as == as) return;
  const bool is_known = progress.learned_as != 0;
  progress.learned_as = as;
  if (!is_known) return;
  progress.trend = {};
  progress.usual.reset();
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
  forget_what_others_learned(rule, progress);
  return std::visit([&](const auto& condition) { return judge_by(condition, rule, progress, figure); }, rule.condition);
}

Bytes RuleProgress::pack() const {
  Bytes out;
  const bool has_highs = usual && usual->baseline.high_share > 0;
  out.push_back(static_cast<std::uint8_t>(stage) | (learned_as != 0 ? tells_of_what : 0) |
                (has_highs ? tells_of_highs : 0));
  if (learned_as != 0) put_varint(out, learned_as);
  if (has_highs) put_float(out, static_cast<float>(usual->baseline.high_share));
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
  const bool tells = (bytes.front() & tells_of_what) != 0;
  const bool has_highs = (bytes.front() & tells_of_highs) != 0;
  const auto stage = std::min<std::uint8_t>(bytes.front() & ~(tells_of_what | tells_of_highs),
                                            static_cast<std::uint8_t>(Stage::firing));
  progress.stage = static_cast<Stage>(stage);
  bytes = bytes.subspan(1);
  if (tells) progress.learned_as = static_cast<std::uint32_t>(take_varint(bytes).value_or(0));
  const double high_share = has_highs ? static_cast<double>(take_float(bytes)) : 0;
  progress.since = instant_from_ms(take_signed(bytes));
  progress.trend = TrendLine::take(bytes);
  if (bytes.empty()) return progress;
  progress.usual = std::make_unique<Usual>();
  auto& [baseline, recent] = *progress.usual;
  baseline.high_share = std::clamp(high_share, 0.0, 1.0);
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
