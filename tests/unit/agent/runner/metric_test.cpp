#include "agent/runner/metric.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace argosy::agent {
namespace {

using Scores = std::vector<float>;
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

TEST(Accuracy, IsTheShareOfRightAnswers) {
  const auto metric = *make_metric("accuracy");
  metric->add(Scores{0.1F, 0.9F}, 1);
  metric->add(Scores{0.1F, 0.9F}, 0);
  metric->add(Scores{-3, -5}, 0);
  metric->add(Scores{2, 2}, 0);
  EXPECT_EQ(metric->correct(), 3U);
  EXPECT_DOUBLE_EQ(metric->value(), 0.75);
}

TEST(Accuracy, OfNothingIsZero) {
  EXPECT_EQ((*make_metric("accuracy"))->value(), 0);
}

TEST(Accuracy, EqualScoresGoToTheFirstClassAsInArgmax) {
  const auto metric = *make_metric("accuracy");
  metric->add(Scores{1, 1}, 1);
  EXPECT_EQ(metric->correct(), 0U);
}

TEST(Accuracy, AModelThatAnswersNotANumberIsWrong) {
  const auto metric = *make_metric("accuracy");
  metric->add(Scores{nan, 0.5F}, 1);
  metric->add(Scores{nan, nan}, 0);
  EXPECT_EQ(metric->value(), 0);
}

TEST(Top5Accuracy, TheLabelIsAmongTheFiveHighest) {
  const auto metric = *make_metric("top5_accuracy");
  const Scores scores{6, 5, 4, 3, 2, 1};
  metric->add(scores, 4);
  metric->add(scores, 5);
  EXPECT_DOUBLE_EQ(metric->value(), 0.5);
}

TEST(Metric, AnUnknownNameIsRefused) {
  EXPECT_EQ(make_metric("f1").error().message, "metric 'f1' is unknown: use accuracy or top5_accuracy");
}

TEST(Margin, IsNegativeWhenWrong) {
  EXPECT_FLOAT_EQ(margin(Scores{0.25F, 0.75F}, 1), 0.5F);
  EXPECT_FLOAT_EQ(margin(Scores{0.25F, 0.75F}, 0), -0.5F);
  EXPECT_TRUE(std::isinf(margin(Scores{0.25F, nan}, 0)));
}

TEST(WorstSamples, KeepsTheLowestMarginsWorstFirst) {
  WorstSamples worst(2);
  const float margins[] = {0.5F, -0.2F, 0.1F, -0.9F};
  for (std::size_t i = 0; i < 4; ++i) worst.add(i, margins[i]);
  EXPECT_EQ(worst.indices(), (std::vector<std::size_t>{3, 1}));
}

TEST(WorstSamples, KeepsNoneWhenNoneAreAskedFor) {
  WorstSamples worst(0);
  worst.add(0, -1);
  EXPECT_TRUE(worst.indices().empty());
}

}  // namespace
}  // namespace argosy::agent
