#include "server/drift/evidence.hpp"

#include <numeric>

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

const Instant start = parse_rfc3339("2026-03-01T12:00:00Z").value();
constexpr Duration minute{60'000};
const std::vector<wire::FeatureReference> reference{{"level", {1, 2}, {5, 5, 5, 0}}, {"rare", {1}, {5, 5, 0}}};

EvidenceWindow window_at(int minutes, HistogramCounts level, HistogramCounts rare = {}) {
  EvidenceWindow window{start + minutes * minute};
  window.features["level"] = std::move(level);
  if (!rare.empty()) window.features["rare"] = std::move(rare);
  return window;
}

TEST(Evidence, HoldsTheNewestWindowsWithAboutTheSamplesWanted) {
  Evidence evidence({.samples = 400}, reference);
  for (int i = 0; i < 8; ++i) evidence.add_newer(window_at(i, {50, 0, 0, 0}));
  EXPECT_EQ(evidence.present("level"), (HistogramCounts{400, 0, 0, 0}));
  for (int i = 8; i < 12; ++i) evidence.add_newer(window_at(i, {0, 50, 0, 0}));
  EXPECT_EQ(evidence.present("level"), (HistogramCounts{200, 200, 0, 0}));
  EXPECT_EQ(evidence.present("rare"), (HistogramCounts{0, 0, 0}));
}

TEST(Evidence, IsBoundedHoweverSmallTheWindowsAre) {
  Evidence evidence({.samples = 400}, reference);
  for (int i = 0; i < 100'000; ++i) evidence.add_newer({start + i * Duration{100}, {{"level", {1, 0, 0, 0}}}});
  const auto present = evidence.present("level");
  EXPECT_GE(present[0], 400u);
  EXPECT_LE(present[0], 450u) << "one block more at most";
  EXPECT_LT(evidence.to_json().size(), 1000u);
}

TEST(Evidence, KeepsMoreWhileARarerFeatureHasTooFewButNotForEver) {
  Evidence evidence({.samples = 400}, reference);
  for (int i = 0; i < 30; ++i) evidence.add_newer(window_at(i, {50, 0, 0, 0}, {0, 10, 0}));
  EXPECT_EQ(evidence.present("rare"), (HistogramCounts{0, 300, 0}));
  EXPECT_EQ(evidence.present("level"), (HistogramCounts{400, 0, 0, 0}));
  for (int i = 30; i < 5000; ++i) evidence.add_newer(window_at(i, {50, 0, 0, 0}));
  EXPECT_LT(evidence.to_json().size(), 4000u);
}

TEST(Evidence, AWindowWithOtherBinsOrUnknownFeaturesCountsForNothing) {
  Evidence evidence({.samples = 400}, reference);
  evidence.add_newer(window_at(0, {7, 7}));
  evidence.add_newer({start + minute, {{"unknown", {1, 2, 3, 4}}}});
  EXPECT_EQ(evidence.present("level"), (HistogramCounts{0, 0, 0, 0}));
  EXPECT_EQ(evidence.newest(), start + minute) << "but it was read";
  evidence.add_newer(window_at(2, {1, 2, 3, 4}));
  EXPECT_EQ(evidence.present("level"), (HistogramCounts{1, 2, 3, 4}));
}

TEST(Evidence, ReadsBackwardsUntilItHasEnough) {
  Evidence evidence({.samples = 400}, reference);
  EXPECT_TRUE(evidence.wants_older());
  int at = 0;
  while (evidence.wants_older()) evidence.add_older(window_at(--at, {50, 0, 0, 0}));
  EXPECT_EQ(at, -8);
  EXPECT_EQ(evidence.newest(), start - minute);
  EXPECT_EQ(evidence.present("level"), (HistogramCounts{400, 0, 0, 0}));
}

TEST(Evidence, GoesOnWhereItStoppedAfterItLayInTheDatabase) {
  Evidence before({.samples = 400}, reference);
  for (int i = 1; i <= 3; ++i) before.add_older(window_at(-i, {50, 1, 0, 0}, {1, 2, 0}));
  Evidence after({.samples = 400}, reference);
  ASSERT_TRUE(after.restore(before.to_json(), *before.newest()));
  EXPECT_TRUE(after.wants_older());
  EXPECT_EQ(after.oldest(), start - 3 * minute);
  EXPECT_EQ(after.present("level"), before.present("level"));
  EXPECT_EQ(after.to_json(), before.to_json());
}

TEST(Evidence, DoesNotTakeWhatIsNotItsOwn) {
  Evidence whole({.samples = 400}, reference);
  whole.add_newer(window_at(0, {1, 2, 3, 4}));
  const auto text = whole.to_json();
  Evidence other({.samples = 400}, {reference[0]});
  EXPECT_FALSE(other.restore(text, start)) << "of other features";
  for (std::size_t length = 0; length < text.size(); ++length) {
    Evidence evidence({.samples = 400}, reference);
    EXPECT_FALSE(evidence.restore(text.substr(0, length), start)) << length;
  }
  for (const char* bad : {"{}", "[]", "null", R"({"features": ["level", "rare"], "windows": 1, "blocks": [[1, 2, 3]]})",
                          R"({"features": ["level", "rare"], "windows": 1, "blocks": [[1, 2, [1], []]]})",
                          R"({"features": ["level", "rare"], "windows": -1, "blocks": []})"}) {
    Evidence evidence({.samples = 400}, reference);
    EXPECT_FALSE(evidence.restore(bad, start)) << bad;
  }
}

TEST(Evidence, ForgetsWhatIsTooOldAndWhatAnotherVersionInterrupted) {
  Evidence evidence({.samples = 400}, reference);
  evidence.add_newer(window_at(0, {50, 0, 0, 0}));
  evidence.add_newer(window_at(1000, {0, 50, 0, 0}));
  evidence.forget_before(start + minute);
  EXPECT_EQ(evidence.present("level"), (HistogramCounts{0, 50, 0, 0}));
  evidence.begin_again();
  EXPECT_EQ(evidence.present("level"), (HistogramCounts{0, 0, 0, 0}));
  EXPECT_FALSE(evidence.wants_older());
}

TEST(Evidence, CountsOfTheLargestSizeDoNotOverflow) {
  Evidence evidence({.samples = 400}, reference);
  for (int i = 0; i < 100; ++i) evidence.add_newer(window_at(i, HistogramCounts(4, 1ULL << 53)));
  EXPECT_EQ(evidence.present("level"), HistogramCounts(4, 1ULL << 53));
}

TEST(Evidence, IsTheSameAfterItWasPackedInLessThanAKilobyte) {
  std::vector<wire::FeatureReference> features;
  for (const char* name : {"brightness", "contrast", "level", "sharpness"})
    features.push_back({name, std::vector<double>(21), std::vector<std::uint64_t>(23, 50)});
  Evidence evidence({.samples = 2000}, features);
  for (int i = 0; i < 40; ++i) {
    EvidenceWindow window{start + i * minute};
    for (const auto& feature : features) window.features[feature.name] = HistogramCounts(23, 13);
    evidence.add_newer(window);
  }
  const auto packed = evidence.pack();
  EXPECT_LT(packed.size(), 1000u);
  Evidence after({.samples = 2000}, features);
  after.unpack(packed);
  EXPECT_EQ(after.to_json(), evidence.to_json());
  EXPECT_EQ(after.newest(), evidence.newest());
  EXPECT_EQ(after.pack(), packed);
}

TEST(Evidence, ThatWantsOlderWindowsWantsThemAfterItWasPacked) {
  Evidence evidence({.samples = 400}, reference);
  for (int i = 1; i <= 3; ++i) evidence.add_older(window_at(-i, {50, 1, 0, 0}, {1, 2, 0}));
  evidence.add_newer(window_at(0, {1ULL << 53, 0, 0, 0}));
  Evidence after({.samples = 400}, reference);
  after.unpack(evidence.pack());
  EXPECT_EQ(after.wants_older(), evidence.wants_older());
  EXPECT_EQ(after.oldest(), evidence.oldest());
  EXPECT_EQ(after.present("rare"), evidence.present("rare"));
  EXPECT_EQ(after.present("level"), evidence.present("level"));
}

}  // namespace
}  // namespace argosy::server
