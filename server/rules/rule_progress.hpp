// How far one rule has come with one (device, model), and one figure further. The engine and the preview judge by this
// alone. Pure; one owner at a time. Bounded: a threshold needs a time, a trend 24 means, what is usual 200 bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/base/encoding.hpp"
#include "common/base/instant.hpp"
#include "server/alerts/alert.hpp"
#include "server/rules/rule.hpp"

namespace argosy::server {

// The newest figures of as many hours as the rule looks ahead, in 24 steps: a straight line through their means that a
// few wild ones cannot turn.
class TrendLine {
 public:
  static constexpr std::size_t steps = 24;
  static constexpr std::size_t least_steps = 12;

  // Whether a step began with it.
  bool add(const Trend& trend, Instant at, double value);
  // In how many hours the figure will be reached; nothing: it is too early to say, or it moves elsewhere.
  std::optional<double> hours_left(const Trend& trend) const;
  bool is_empty() const { return steps_.empty(); }
  std::int64_t newest_step() const { return steps_.empty() ? 0 : steps_.back().number; }

  void put(Bytes& out) const;
  static TrendLine take(ByteView& bytes);
  friend bool operator==(const TrendLine&, const TrendLine&) = default;

 private:
  struct Step {
    std::int64_t number = 0;
    float mean = 0;
    std::uint32_t values = 0;
    friend bool operator==(const Step&, const Step&) = default;
  };
  std::vector<Step> steps_;  // oldest first
};

struct RuleProgress {
  enum class Stage : std::uint8_t { calm, waiting, firing };
  Stage stage = Stage::calm;
  Instant since{};  // of a stage that is not calm: from when the condition has held
  TrendLine trend = {};
  struct Usual {
    LatencyBaseline baseline = {};
    std::vector<LatencyWindow> recent = {};
  };
  std::unique_ptr<Usual> usual = {};  // of rules that go by it
  std::uint32_t learned_as = 0;       // of which figures this was learned; 0: not known

  // Nothing that a new one would not have.
  bool is_blank() const;
  // Something that takes hours to learn.
  bool has_learned() const;
  Bytes pack() const;
  static RuleProgress unpack(ByteView bytes);
};

struct RuleFigure {
  Instant at{};
  double value = 0;
  std::uint64_t samples = 1;
};

struct RuleVerdict {
  RuleProgress::Stage stage = RuleProgress::Stage::calm;
  double value = 0;      // that decided; of a trend, the hours that are left
  double threshold = 0;  // what it is held against
};

// As alerts judge latency by it.
LatencyRule latency_rule_of(const AgainstUsual& usual);

// Figures come in the order of their times.
RuleVerdict judge_figure(const Rule& rule, RuleProgress& progress, const RuleFigure& figure);

}  // namespace argosy::server
