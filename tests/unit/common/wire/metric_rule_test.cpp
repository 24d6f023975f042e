#include "common/wire/metric_rule.hpp"

#include <gtest/gtest.h>

#include "common/wire/desired.hpp"

namespace argosy::wire {
namespace {

using Against = MetricRule::Against;

ValidationSpec spec_of(const char* metric, bool higher_is_better) {
  ValidationSpec spec;
  spec.metric = metric;
  spec.higher_is_better = higher_is_better;
  return spec;
}

TEST(MetricRule, SaysWhatEachIsAgainstAndWhichWayIsBetter) {
  for (const char* name : {"accuracy", "top5_accuracy", "f1"}) EXPECT_EQ(metric_rule(name)->against, Against::labels);
  for (const char* name : {"mae", "mse", "max_abs_difference"}) {
    EXPECT_EQ(metric_rule(name)->against, Against::outputs) << name;
    EXPECT_FALSE(metric_rule(name)->higher_is_better) << name;
  }
  EXPECT_TRUE(metric_rule("cosine")->higher_is_better);
  EXPECT_EQ(metric_rule("none")->against, Against::nothing);
  EXPECT_EQ(metric_rule("recall"), std::nullopt);
}

TEST(MetricRule, AnAccuracyHasOneToAThousandPlaces) {
  EXPECT_EQ(metric_rule("accuracy")->places, 1U);
  EXPECT_EQ(metric_rule("top7_accuracy")->places, 7U);
  EXPECT_EQ(metric_rule("top1000_accuracy")->places, 1000U);
  for (const char* name : {"top0_accuracy", "top1001_accuracy", "top_accuracy", "top7x_accuracy", "top7"})
    EXPECT_EQ(metric_rule(name), std::nullopt) << name;
}

TEST(MetricRule, OfWholeAnswersAreBoxesWordsAndEmbeddings) {
  for (const char* name : {"map", "map50", "map75", "wer", "perplexity", "recall_at_5", "exec-own"})
    EXPECT_EQ(metric_rule(name)->against, Against::answers) << name;
  EXPECT_FALSE(metric_rule("wer")->higher_is_better);
  EXPECT_FALSE(metric_rule("perplexity")->higher_is_better);
  EXPECT_EQ(metric_rule("recall_at_5")->places, 5U);
  EXPECT_TRUE(metric_rule("roc_auc")->needs_scores);
  EXPECT_FALSE(metric_rule("top1_accuracy")->needs_scores);
}

TEST(MetricRule, AMetricOfAProgramGoesEitherWay) {
  EXPECT_EQ(metric_program("exec-panoptic_quality"), "panoptic_quality");
  for (const char* name : {"exec-", "exec-A", "exec-a/b", "exec-a b", "panoptic"})
    EXPECT_EQ(metric_program(name), std::nullopt) << name;
  EXPECT_EQ(contradiction_in(spec_of("exec-own", true)), std::nullopt);
  EXPECT_EQ(contradiction_in(spec_of("exec-own", false)), std::nullopt);
}

TEST(MetricRule, FindsContradictions) {
  EXPECT_EQ(contradiction_in(spec_of("accuracy", true)), std::nullopt);
  EXPECT_EQ(contradiction_in(spec_of("mse", false)), std::nullopt);
  EXPECT_EQ(contradiction_in(spec_of("none", false)), std::nullopt);
  EXPECT_EQ(contradiction_in(spec_of("mse", true)), "of mse lower is better, and the direction is higher");
  EXPECT_EQ(contradiction_in(spec_of("f1", false)), "of f1 higher is better, and the direction is lower");
  EXPECT_EQ(contradiction_in(spec_of("recall", true)), unknown_metric("recall"));
  ValidationSpec bare = spec_of("none", true);
  bare.threshold = 0.9;
  EXPECT_EQ(contradiction_in(bare), "metric none has no value: a threshold or max_loss needs another metric");
}

}  // namespace
}  // namespace argosy::wire
