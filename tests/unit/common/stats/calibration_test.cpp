#include "common/stats/calibration.hpp"

#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/common/stats/golden.hpp"

namespace argosy {
namespace {

TEST(Confidence, IsTheHighestProbabilityOrTheSoftmaxOfScores) {
  EXPECT_NEAR(confidence_of(std::vector<float>{0.1F, 0.7F, 0.2F}), 0.7, 1e-6);
  EXPECT_NEAR(confidence_of(std::vector<float>{0, std::log(3.0F)}), 0.75, 1e-6);
  EXPECT_NEAR(confidence_of(std::vector<float>{1000, 0}), 1, 1e-6);
  EXPECT_TRUE(std::isnan(confidence_of({})));
}

TEST(Calibration, WithoutADataSetIsWhatTheModelSays) {
  const Calibration calibration{CalibrationCounts{}};
  for (const double confidence : {0.0, 0.42, 0.9, 1.0}) EXPECT_NEAR(calibration.chance(confidence), confidence, 0.0251);
}

TEST(Calibration, RisesWithTheConfidenceWhateverTheDataSetSays) {
  CalibrationCounts counts;
  for (int i = 0; i < 100; ++i) {
    counts.add(0.55, true);
    counts.add(0.75, i % 2 == 0);
  }
  const Calibration calibration(counts);
  for (double confidence = 0; confidence < 0.95; confidence += 0.05)
    EXPECT_LE(calibration.chance(confidence), calibration.chance(confidence + 0.05)) << confidence;
  EXPECT_NEAR(calibration.chance(0.55), 0.75, 0.02) << "pooled with the bin that should be higher and is lower";
}

// A model that is surer than it should be, on inputs of another mix than those it was validated on.
TEST(Calibration, EstimatesTheAccuracyOfAnotherMixOfInputs) {
  std::mt19937_64 random(3);
  const auto is_right = [&](double confidence) { return std::bernoulli_distribution(0.4 + 0.5 * confidence)(random); };
  CalibrationCounts counts;
  std::uniform_real_distribution<double> any(0.3, 1);
  for (int i = 0; i < 5000; ++i) {
    const double confidence = any(random);
    counts.add(confidence, is_right(confidence));
  }
  const Calibration calibration(counts);
  std::uniform_real_distribution<double> unsure(0.3, 0.6);
  double estimated = 0, right = 0;
  constexpr int answers = 20'000;
  for (int i = 0; i < answers; ++i) {
    const double confidence = unsure(random);
    estimated += calibration.chance(confidence);
    right += is_right(confidence) ? 1 : 0;
  }
  EXPECT_NEAR(estimated / answers, right / answers, 0.02);
  EXPECT_NEAR(right / answers, 0.625, 0.01);
}

// NannyML keeps every answer where this keeps 20 counts, and of more than two classes it calibrates each for itself: so
// far the two may differ.
TEST(Calibration, EstimatesWhatNannyMlDoes) {
  const auto total = [](const nlohmann::json& counts) {
    double sum = 0;
    for (const auto& count : counts) sum += count.get<double>();
    return sum;
  };
  double apart = 0;
  int chunks = 0;
  for (const auto& known : golden_values("estimates")["cases"]) {
    CalibrationCounts counts;
    for (std::size_t bin = 0; bin < calibration_bins; ++bin) {
      counts.answers[bin] = known["reference"][0][bin];
      counts.right[bin] = known["reference"][1][bin];
    }
    const Calibration calibration(counts);
    const bool has_two_classes = known["name"].get<std::string>().starts_with("two");
    for (const auto& chunk : known["chunks"]) {
      double estimated = 0;
      for (std::size_t bin = 0; bin < calibration_bins; ++bin)
        estimated += chunk["answers"][bin].get<double>() * calibration.chance((static_cast<double>(bin) + 0.5) / 20);
      estimated /= total(chunk["answers"]);
      const auto name = known["name"].get<std::string>() + ", " + chunk["name"].get<std::string>();
      EXPECT_NEAR(estimated, chunk["estimated"].get<double>(), has_two_classes ? 0.01 : 0.04) << name;
      EXPECT_NEAR(estimated, chunk["right"].get<double>(), 0.02) << name;
      apart += std::abs(estimated - chunk["estimated"].get<double>());
      ++chunks;
    }
  }
  ASSERT_EQ(chunks, 18);
  EXPECT_LT(apart / chunks, 0.007);
}

TEST(CalibrationCounts, PassOverWhatIsNoConfidence) {
  CalibrationCounts counts;
  for (const double odd : {-0.1, 1.1, std::nan("")}) counts.add(odd, true);
  EXPECT_EQ(counts.total(), 0u);
  counts.add(1, true);
  EXPECT_EQ(counts.answers.back(), 1u);
}

}  // namespace
}  // namespace argosy
