#include "agent/runner/metric.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace argosy::agent {
namespace {

using Values = std::vector<double>;
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinite = std::numeric_limits<double>::infinity();

std::unique_ptr<Metric> metric_of(const char* name) {
  return *make_metric(name);
}
double add(Metric& metric, const Values& scores, std::size_t label) {
  return metric.add(scores, {label, {}});
}
double compare(Metric& metric, const Values& answer, const Values& golden) {
  return metric.add(answer, {0, golden});
}

TEST(Accuracy, IsTheShareOfRightAnswers) {
  const auto metric = metric_of("accuracy");
  add(*metric, {0.1, 0.9}, 1);
  add(*metric, {0.1, 0.9}, 0);
  add(*metric, {-3, -5}, 0);
  add(*metric, {2, 2}, 0);
  EXPECT_EQ(metric->correct(), 3U);
  EXPECT_DOUBLE_EQ(*metric->value(), 0.75);
}

TEST(Accuracy, OfNothingIsZero) {
  EXPECT_EQ(metric_of("accuracy")->value(), 0);
  EXPECT_EQ(metric_of("f1")->value(), 0);
}

TEST(Accuracy, EqualScoresGoToTheFirstClassAsInArgmax) {
  const auto metric = metric_of("accuracy");
  add(*metric, {1, 1}, 1);
  EXPECT_EQ(metric->correct(), 0U);
}

TEST(Accuracy, AModelThatAnswersNotANumberIsWrong) {
  for (const char* name : {"accuracy", "top2_accuracy", "f1"}) {
    const auto metric = metric_of(name);
    EXPECT_EQ(add(*metric, {not_a_number, 0.5}, 1), -infinite) << name;
    add(*metric, {not_a_number, not_a_number}, 0);
    EXPECT_EQ(metric->value(), 0) << name;
  }
}

TEST(TopAccuracy, TheLabelIsAmongTheHighest) {
  const Values scores{6, 5, 4, 3, 2, 1};
  for (const std::size_t places : {1, 2, 5, 6}) {
    const auto metric = metric_of(("top" + std::to_string(places) + "_accuracy").c_str());
    for (std::size_t label = 0; label < scores.size(); ++label) add(*metric, scores, label);
    EXPECT_EQ(metric->correct(), places);
  }
}

TEST(TopAccuracy, HasOneToAThousandPlaces) {
  EXPECT_TRUE(make_metric("top1000_accuracy"));
  for (const char* name :
       {"top0_accuracy", "top1001_accuracy", "top_accuracy", "top05_accuracy", "top5", "top-1_accuracy"})
    EXPECT_EQ(make_metric(name).error().code, Errc::invalid_argument) << name;
}

// Labels 0 0 0 1 1 2, answers 0 0 1 1 2 1: F1 of the classes 2*2/(3+2), 2*1/(2+3), 0/(1+1).
TEST(F1, IsTheMeanOverTheClassesThatOccur) {
  const auto metric = metric_of("f1");
  const std::size_t labels[] = {0, 0, 0, 1, 1, 2}, answers[] = {0, 0, 1, 1, 2, 1};
  for (std::size_t i = 0; i < 6; ++i) {
    Values scores(5, 0.0);
    scores[answers[i]] = 1;
    add(*metric, scores, labels[i]);
  }
  EXPECT_NEAR(*metric->value(), (0.8 + 0.4 + 0) / 3, 1e-12);
  EXPECT_EQ(metric->correct(), 3U);
}

TEST(MeanError, IsOverAllValuesOfAllSamples) {
  const auto mae = metric_of("mae"), mse = metric_of("mse");
  for (Metric* metric : {mae.get(), mse.get()}) {
    compare(*metric, {1, 2}, {1, 4});
    compare(*metric, {0, -1}, {1, 0});
  }
  EXPECT_DOUBLE_EQ(*mae->value(), (0 + 2 + 1 + 1) / 4.0);
  EXPECT_DOUBLE_EQ(*mse->value(), (0 + 4 + 1 + 1) / 4.0);
  EXPECT_EQ(mae->correct(), std::nullopt);
}

TEST(Cosine, IsTheMeanOverTheSamples) {
  const auto metric = metric_of("cosine");
  EXPECT_DOUBLE_EQ(compare(*metric, {2, 0}, {5, 0}), 1);
  EXPECT_DOUBLE_EQ(compare(*metric, {2, 0}, {0, 1}), 0);
  EXPECT_DOUBLE_EQ(compare(*metric, {1, 1}, {-1, -1}), -1);
  EXPECT_DOUBLE_EQ(compare(*metric, {0, 0}, {0, 0}), 1);
  EXPECT_DOUBLE_EQ(compare(*metric, {0, 0}, {0, 1}), 0);
  EXPECT_NEAR(*metric->value(), 0.2, 1e-12);
}

TEST(MaxAbsDifference, IsTheLargestOfAll) {
  const auto metric = metric_of("max_abs_difference");
  EXPECT_DOUBLE_EQ(compare(*metric, {1, 2}, {1.5, 2}), -0.5);
  EXPECT_DOUBLE_EQ(compare(*metric, {-3, 0}, {0, 0}), -3);
  compare(*metric, {1, 1}, {1, 1});
  EXPECT_DOUBLE_EQ(*metric->value(), 3);
}

TEST(Metric, WhatIsNotANumberIsAsFarOffAsCanBe) {
  for (const char* name : {"mae", "mse", "max_abs_difference"}) {
    const auto metric = metric_of(name);
    EXPECT_EQ(compare(*metric, {not_a_number, 1}, {1, 1}), -infinite) << name;
    EXPECT_EQ(metric->value(), infinite) << name;
  }
  const auto cosine = metric_of("cosine");
  EXPECT_EQ(compare(*cosine, {not_a_number, 1}, {1, 1}), -infinite);
  EXPECT_EQ(cosine->value(), -1);
}

TEST(Metric, NoneHasNoValue) {
  const auto metric = metric_of("none");
  metric->add(Values{1, 2}, {});
  EXPECT_EQ(metric->value(), std::nullopt);
}

TEST(Metric, AnUnknownNameIsRefused) {
  EXPECT_EQ(
      make_metric("recall").error().message,
      "metric 'recall' is unknown: use accuracy, topK_accuracy (K from 1 to 1000), f1, iou, dice, roc_auc, pr_auc, "
      "average_precision, mae, mse, cosine, max_abs_difference, map, map50, map75, wer, perplexity, recall_at_K, "
      "exec-NAME or none");
}

TEST(Margin, IsNegativeWhenWrong) {
  EXPECT_DOUBLE_EQ(margin(Values{0.25, 0.75}, 1), 0.5);
  EXPECT_DOUBLE_EQ(margin(Values{0.25, 0.75}, 0), -0.5);
  EXPECT_TRUE(std::isinf(margin(Values{0.25, not_a_number}, 0)));
}

TEST(WorstSamples, KeepsTheLowestMarginsWorstFirst) {
  WorstSamples worst(2);
  const double margins[] = {0.5, -0.2, 0.1, -0.9};
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
