#include "common/base/random.hpp"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

namespace argosy {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

// From an implementation of the published algorithm in another language.
TEST(Rng, TheSameSeedGivesTheSameRunOnEveryMachine) {
  Rng zero(0);
  EXPECT_EQ(zero(), 0x99ec5f36cb75f2b4ULL);
  EXPECT_EQ(zero(), 0xbf6e1f784956452aULL);
  EXPECT_EQ(zero(), 0x1a5f849d4933e6e0ULL);
  Rng other(42);
  EXPECT_EQ(other(), 0x15780b2e0c2ec716ULL);
}

TEST(Rng, UniformAndBelowStayInTheirRange) {
  Rng rng(1);
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double value = rng.uniform();
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    sum += value;
  }
  EXPECT_NEAR(sum / 100'000, 0.5, 0.01);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1'000; ++i) seen.insert(rng.below(6));
  EXPECT_EQ(seen, (std::set<std::uint64_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(rng.below(1), 0u);
}

TEST(Rng, NormalHasMeanZeroAndVarianceOne) {
  Rng rng(2);
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double value = rng.normal();
    ASSERT_TRUE(std::isfinite(value));
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / 100'000, 0, 0.02);
  EXPECT_NEAR(squares / 100'000, 1, 0.03);
}

// Who is in which wave hangs on these values: they must never change.
TEST(StableHash, NeverChanges) {
  EXPECT_EQ(stable_hash(0, ""), 0xc3817c016ba4ff30ULL);
  EXPECT_EQ(stable_hash(0, "cam-7"), 0xf94a31800d53ada6ULL);
  EXPECT_EQ(stable_hash(1, "cam-7"), 0x5da48a5a728d1c85ULL);
  EXPECT_EQ(stable_hash(42, "kran-ü"), 0x38a3256115e8337eULL);
}

TEST(StableHash, SpreadsNeighbouringNames) {
  int low = 0;
  for (int i = 0; i < 10'000; ++i) low += stable_hash(7, "device-" + std::to_string(i)) < (1ULL << 63) / 5 ? 1 : 0;
  EXPECT_NEAR(low, 1'000, 120) << "a tenth of the range holds about a tenth of the names";
}

TEST(SecureRandom, GivesAsManyBytesAsAskedAndNeverTheSame) {
  EXPECT_TRUE(secure_random(0).empty());
  EXPECT_EQ(secure_random(1'000'000).size(), 1'000'000u);
  EXPECT_NE(secure_random(16), secure_random(16));
}

TEST(FullJitter, StaysBelowTheDoublingCeilingAndTheCap) {
  Rng rng(3);
  for (int attempt = 0; attempt < 100; ++attempt) {
    const double doubled = 1'000 * std::pow(2.0, std::min(attempt, 40));
    for (int i = 0; i < 50; ++i) {
      const auto pause = full_jitter(seconds(1), seconds(300), attempt, rng);
      ASSERT_GE(pause.count(), 0);
      ASSERT_LT(static_cast<double>(pause.count()), std::min(doubled, 300'000.0)) << attempt;
    }
  }
}

TEST(FullJitter, ReachesTheCapAndSurvivesOddArguments) {
  Rng rng(4);
  Duration longest{0};
  for (int i = 0; i < 1'000; ++i) longest = std::max(longest, full_jitter(seconds(1), seconds(300), 50, rng));
  EXPECT_GT(longest, seconds(290));
  EXPECT_EQ(full_jitter(seconds(0), seconds(0), 5, rng).count(), 0);
  EXPECT_LT(full_jitter(seconds(1), seconds(300), -5, rng), seconds(1));
  Duration long_base_longest{0};
  for (int i = 0; i < 1'000; ++i)
    long_base_longest = std::max(long_base_longest, full_jitter(hours(24 * 365), hours(24 * 365 * 2), 40, rng));
  EXPECT_GT(long_base_longest, hours(24 * 365)) << "a long base times 2^30 must not wrap around";
}

}  // namespace
}  // namespace argosy
