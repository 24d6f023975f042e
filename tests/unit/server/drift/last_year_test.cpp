#include "server/drift/last_year.hpp"

#include <cmath>
#include <numbers>
#include <set>

#include <gtest/gtest.h>

#include "common/base/random.hpp"
#include "common/stats/bins.hpp"
#include "server/drift/pair_drift.hpp"

namespace argosy::server {
namespace {

using std::chrono::hours;

constexpr Duration an_hour{3'600'000};
constexpr Duration whole_day{24 * an_hour};
const std::vector<double> tenths{-2, -1, -0.5, 0, 0.5, 1, 2};
const std::vector<std::uint64_t> standard_normal{23, 136, 150, 191, 191, 150, 136, 23, 0};
const JudgedReference by_level = judged_reference({{"level", tenths, standard_normal}});
const DriftRules year_rules;

TakenWindow window_of(const std::string& device, Instant at, Duration length, HistogramCounts level) {
  TakenWindow window;
  window.device = device;
  window.model = "digits";
  window.version = "1.0";
  window.started_at = at;
  window.ended_at = at + length;
  window.count = total_of(level);
  window.features = {{"level", std::move(level)}};
  return window;
}

TEST(LastYear, IsFourWeeksAroundTheSameDay) {
  const auto [from, to] = weeks_of_last_year(parse_rfc3339("2027-03-10T15:30:00Z").value());
  EXPECT_EQ(to_rfc3339(from), "2026-03-03T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339(to), "2026-03-31T00:00:00.000Z");
}

TEST(LastYear, IsReadAboutOnceAWeekEachPairAtItsOwnTime) {
  const Instant now = parse_rfc3339("2027-03-10T15:30:00Z").value();
  std::set<Instant> times;
  for (int i = 0; i < 100; ++i) {
    const Instant again = read_last_year_again({"cam-" + std::to_string(i), "digits"}, week_of(now));
    EXPECT_EQ(week_of(again), week_of(now) + 7 * whole_day);
    times.insert(again);
  }
  EXPECT_GT(times.size(), 80U);
}

TEST(LastYear, HasFiveDaysOrNothing) {
  const Instant day = parse_rfc3339("2026-03-10T00:00:00Z").value();
  LastYearSum sum(*by_level);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(LastYearSum(sum).take(day).counts.empty()) << i;
    // Of two versions in a day: one day.
    for (int of_day = 0; of_day < 2; ++of_day)
      sum.add(window_of("cam-1", day + i * whole_day, 12 * an_hour, {0, 1, 2, 3, 4, 3, 2, 1, 0}), *by_level, true);
  }
  const auto taken = sum.take(day);
  ASSERT_EQ(taken.counts.size(), by_level->features.size());
  EXPECT_EQ(taken.counts[0], (HistogramCounts{0, 10, 20, 30, 40, 30, 20, 10, 0}));
  EXPECT_EQ(taken.covered, 5 * whole_day);
}

TEST(LastYear, OfAnotherReleaseCountsWhatHasTheSameBins) {
  const Instant day = parse_rfc3339("2026-03-10T00:00:00Z").value();
  const auto other = judged_reference({{"level", {-2, -1, -0.5, 0, 0.5, 1, 2.5}, standard_normal}});
  LastYearSum of_other_bins(*by_level), of_other_version(*by_level);
  for (int i = 0; i < 6; ++i) {
    auto window = window_of("cam-1", day + i * whole_day, whole_day, standard_normal);
    window.classes = {{1, 50}};
    of_other_bins.add(window, *other, false);
    of_other_version.add(window, *by_level, false);
  }
  EXPECT_TRUE(of_other_bins.take(day).counts.empty());
  const auto taken = of_other_version.take(day);
  ASSERT_FALSE(taken.counts.empty());
  EXPECT_GT(total_of(taken.counts[0]), 0U);
  EXPECT_TRUE(taken.counts[1].empty()) << "another model predicts otherwise";
}

TEST(LastYear, LiesWithTheEvidence) {
  Evidence evidence(year_rules.evidence, by_level);
  const Instant now = parse_rfc3339("2027-03-10T12:00:00Z").value();
  const WatchedPair pair{"cam-1", "digits"};
  EXPECT_FALSE(evidence.has_read_last_year());
  EXPECT_FALSE(evidence.has_outdated_last_year(pair, now));
  evidence.add_newer(year_rules.contract, heard_of(*by_level, window_of("cam-1", now, an_hour, standard_normal)));
  LastYear last_year{week_of(now), whole_day, {standard_normal}};
  last_year.counts.resize(by_level->features.size());
  evidence.set_last_year(last_year);
  Evidence other(year_rules.evidence, by_level);
  ASSERT_TRUE(other.restore(evidence.to_json(), now));
  EXPECT_EQ(other.pack(), evidence.pack());
  EXPECT_EQ(other.last_year_at(0), standard_normal);
  EXPECT_EQ(other.last_year_independent_samples(1'000'000), 1440);
  EXPECT_TRUE(other.has_read_last_year());
  EXPECT_FALSE(other.has_outdated_last_year(pair, now));
  EXPECT_TRUE(other.has_outdated_last_year(pair, now + 14 * whole_day));
}

// Twelve cameras whose level follows the year: one of them, which stands in the sun, three times as much as the others.
// Their first days are in January; they are looked at in April, one and two years later.
class YearlyFleet : public ::testing::Test {
 protected:
  static constexpr int devices = 12;
  static constexpr int in_the_sun = 3;
  static constexpr int with_a_lens_now = 5;
  static constexpr int with_a_lens_then = 7;

  void SetUp() override {
    for (int i = 0; i < devices; ++i) {
      Evidence evidence(year_rules.evidence, by_level);
      evidence.has_no_older();
      fleet.push_back(std::make_unique<PairDrift>(release, evidence, std::vector<KnownVerdict>{}, january - an_hour));
    }
  }
  double season_at(int device, Instant at) const {
    const double day = static_cast<double>((at - january).count()) / static_cast<double>(whole_day.count());
    return (device == in_the_sun ? 2.4 : 0.8) * std::sin(2 * std::numbers::pi * day / 365);
  }
  HistogramCounts seen(int device, Instant at, int samples, bool is_dirty) {
    HistogramCounts counts(standard_normal.size());
    const double middle = season_at(device, at) - (is_dirty ? 1.5 : 0) + 0.05 * random.normal();
    for (int i = 0; i < samples; ++i) ++counts[bin_of(tenths, middle + random.normal())];
    return counts;
  }
  void live(Instant from, int days) {
    for (Instant now = from; now < from + days * whole_day; now += an_hour) {
      for (int i = 0; i < devices; ++i) {
        PairDrift& device = *fleet[static_cast<std::size_t>(i)];
        const bool is_dirty = i == with_a_lens_now && now >= april_of_2027;
        device.hear(year_rules, window_of(name(i), now, an_hour, seen(i, now, 60, is_dirty)), now);
        const auto said = device.judge(year_rules, {name(i), "digits"}, now);
        ASSERT_TRUE(said);
        for (const auto& verdict : said->verdicts) note(i, verdict);
      }
      if (!releases.take_fleet_news(year_rules, now).called.empty()) ++seasons;
    }
  }
  void note(int device, const DriftVerdict& verdict) {
    if (verdict.feature != "level") return;
    said[device] = verdict.said;
    if (verdict.is_drifted()) drifted.insert(device);
  }
  void remember_april_of_2026() {
    for (int i = 0; i < devices; ++i) {
      auto& device = fleet[static_cast<std::size_t>(i)];
      LastYearSum sum(*by_level);
      const auto [from, to] = weeks_of_last_year(april_of_2027);
      for (Instant day = from; day < to; day += whole_day)
        sum.add(window_of(name(i), day, whole_day, seen(i, day, 1440, i == with_a_lens_then)), *by_level, true);
      auto evidence = device->evidence(year_rules);
      evidence.set_last_year(sum.take(april_of_2027));
      device = std::make_unique<PairDrift>(release, evidence, std::vector<KnownVerdict>{}, january + 20 * whole_day);
    }
  }
  static std::string name(int device) { return "cam-" + std::to_string(device); }

  const Instant january = parse_rfc3339("2026-01-01T00:00:00Z").value();
  const Instant april_of_2027 = january + (365 + 91) * whole_day;
  JudgedReleases releases;
  std::shared_ptr<JudgedRelease> release = releases.learn({"digits", "1.0"}, by_level);
  std::vector<std::unique_ptr<PairDrift>> fleet;
  Rng random{11};
  std::map<int, FeatureVerdict> said;
  std::set<int> drifted;
  int seasons = 0;
};

TEST_F(YearlyFleet, WithoutAYearTheOneInTheSunIsTakenForFaulty) {
  live(january, 9);
  ASSERT_TRUE(drifted.empty());
  live(april_of_2027, 4);
  EXPECT_EQ(drifted, (std::set{in_the_sun, with_a_lens_now}));
  EXPECT_EQ(seasons, 1);
  EXPECT_EQ(said[0].against, Against::own);
}

TEST_F(YearlyFleet, AgainstTheSameWeeksOfTheYearBeforeTheLensAloneIsFound) {
  live(january, 9);
  remember_april_of_2026();
  live(april_of_2027, 4);
  EXPECT_EQ(drifted, std::set{with_a_lens_now}) << "nor the one whose lens was cleaned since";
  EXPECT_EQ(seasons, 0) << "the season came back";
  EXPECT_EQ(said[in_the_sun].against, Against::last_year);
  EXPECT_EQ(said[in_the_sun].kind, DriftVerdictKind::stable);
  EXPECT_EQ(said[with_a_lens_then].kind, DriftVerdictKind::moved) << "against weeks that were not as others'";
  const auto sentence = describe_drift(year_rules.drift, "level", said[with_a_lens_now]);
  EXPECT_NE(sentence.find("no longer looks as it did in the same weeks of the year before"), std::string::npos)
      << sentence;
}

}  // namespace
}  // namespace argosy::server
