#include "server/alerts/worst.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

const Instant now = parse_rfc3339("2026-03-01T12:00:00Z").value();
constexpr Duration second{1000};

PairAlerts pair_with(double usual_ms, double p95_ms, int age_s, std::vector<FreshLabels> fresh = {}) {
  WindowMemory memory;
  memory.baseline = {std::log(usual_ms), 100, now};
  memory.newest = LatencyWindow{now - age_s * second, p95_ms, 100};
  memory.fresh = std::move(fresh);
  const ReleaseToJudge release{"digits", "1.0", 0.94};
  return {std::make_shared<const ReleaseToJudge>(release), std::move(memory), AlertState::ok, AlertState::ok};
}

std::string names_of(const std::vector<WorstPair>& worst) {
  std::string names;
  for (const auto& item : worst) names += (names.empty() ? "" : " ") + item.pair.device;
  return names;
}

TEST(WorstLists, GoByHowFarALatencyIsFromItsOwnUsual) {
  WorstLists worst({}, now);
  worst.offer({"usual", "digits"}, pair_with(100, 100, 50));
  worst.offer({"slow", "digits"}, pair_with(5, 20, 50));
  worst.offer({"old", "digits"}, pair_with(5, 500, 3600));
  worst.offer({"zero", "digits"}, pair_with(5, 0, 50));
  worst.offer({"fast", "digits"}, pair_with(5, 1, 50));
  EXPECT_EQ(names_of(worst.latency()), "slow usual fast zero");
  EXPECT_NEAR(*worst.latency()[0].usual, 5, 1e-9);
  EXPECT_EQ(worst.latency()[0].at, now - 50 * second);
}

TEST(WorstLists, AUsualLatencyThatIsNoNumberIsNone) {
  WorstLists worst({}, now);
  worst.offer({"odd", "digits"}, pair_with(INFINITY, 7, 50));
  ASSERT_EQ(worst.latency().size(), 1u);
  EXPECT_FALSE(worst.latency()[0].usual);
}

TEST(WorstLists, HoldTenHoweverManyAreOffered) {
  WorstLists worst({}, now);
  for (int i = 0; i < 1000; ++i) {
    const auto n = static_cast<std::uint32_t>(i);
    worst.offer({"cam-" + std::to_string((i * 37) % 1000), "digits"},
                pair_with(10, 10 + (i * 37) % 1000, 50, {{now - 50 * second, 1000, (n * 37) % 1000}}));
  }
  ASSERT_EQ(worst.latency().size(), 10u);
  EXPECT_EQ(worst.latency()[0].pair.device, "cam-999");
  EXPECT_EQ(worst.latency()[9].pair.device, "cam-990");
  ASSERT_EQ(worst.accuracy().size(), 10u);
  EXPECT_EQ(worst.accuracy()[0].pair.device, "cam-0");
  EXPECT_EQ(worst.accuracy()[9].pair.device, "cam-9");
}

TEST(WorstLists, AccuracyIsOfTheLabelsOfTheLastMinutesAlone) {
  WorstLists worst({}, now);
  worst.offer({"few", "digits"}, pair_with(5, 5, 50, {{now - 50 * second, 19, 0}}));
  worst.offer({"old", "digits"}, pair_with(5, 5, 50, {{now - 301 * second, 50, 0}}));
  worst.offer({"bad", "digits"}, pair_with(5, 5, 50, {{now - 301 * second, 50, 50}, {now - 50 * second, 50, 25}}));
  EXPECT_EQ(names_of(worst.accuracy()), "bad");
  EXPECT_DOUBLE_EQ(worst.accuracy()[0].value, 0.5);
  EXPECT_EQ(worst.accuracy()[0].usual, 0.94);
}

}  // namespace
}  // namespace argosy::server
