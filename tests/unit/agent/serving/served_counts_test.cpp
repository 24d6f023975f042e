// Against recorded/: what each server publishes, in the form in which it writes it.
#include "agent/serving/served_counts.hpp"

#include <gtest/gtest.h>

#include "common/base/file.hpp"

namespace argosy::agent {
namespace {

std::string recorded(const std::string& name) {
  return read_file(std::filesystem::path(ARGOSY_RECORDED) / name).value();
}

ServedByVersion served(ServerKind kind, const std::string& file) {
  return read_served(kind, recorded(file), {"digits"});
}

ServedSince since_start(const ServedByVersion& counts, std::uint64_t number) {
  const auto found = counts.find({"digits", number});
  return found == counts.end() ? ServedSince{} : served_since({}, found->second);
}

TEST(ServedCounts, TritonGivesCountsAndAMean) {
  const auto counts = served(ServerKind::triton, "triton.txt");
  EXPECT_EQ(counts.size(), 2u);  // other models are passed over
  const auto first = since_start(counts, 1);
  EXPECT_EQ(first.count, 124u);
  EXPECT_EQ(first.errors, 4u);  // a request that its client gave up is none
  EXPECT_EQ(first.latency_ms.count(), 120u);
  EXPECT_NEAR(*first.latency_ms.quantile(0.95), 10.0, 0.2);
  const auto second = since_start(counts, 2);
  EXPECT_EQ(second.count, 40u);
  EXPECT_NEAR(*second.latency_ms.quantile(0.95), 20.0, 0.4);
}

TEST(ServedCounts, TritonsSeriesOfEachGpuAreAddedUp) {
  const auto first = since_start(served(ServerKind::triton, "triton_old.txt"), 1);
  EXPECT_EQ(first.count, 124u);
  EXPECT_EQ(first.errors, 4u);
  EXPECT_NEAR(*first.latency_ms.quantile(0.5), 10.0, 0.2);
}

TEST(ServedCounts, OvmsCountsInferencesAloneAndHasAHistogramByVersion) {
  const auto counts = served(ServerKind::ovms, "ovms.txt");
  const auto first = since_start(counts, 1);
  EXPECT_EQ(first.count, 124u);  // readiness, metadata and status are no inferences
  EXPECT_EQ(first.errors, 4u);
  EXPECT_EQ(first.latency_ms.count(), 120u);
  EXPECT_GT(*first.latency_ms.quantile(0.5), 3.57);
  EXPECT_LT(*first.latency_ms.quantile(0.5), 6.43);
  EXPECT_GT(*first.latency_ms.quantile(0.95), 6.42);
  EXPECT_LT(*first.latency_ms.quantile(0.95), 11.7);
  const auto second = since_start(counts, 2);
  EXPECT_EQ(second.count, 40u);
  EXPECT_GT(*second.latency_ms.quantile(0.05), 11.5);
}

TEST(ServedCounts, TensorFlowServingSpeaksOfTheModelAlone) {
  for (const char* file : {"tfserving.txt", "tfserving_new.txt"}) {
    const auto counts = served(ServerKind::tfserving, file);
    ASSERT_EQ(counts.size(), 1u) << file;
    const auto all = since_start(counts, 0);
    EXPECT_EQ(all.count, 124u) << file;
    EXPECT_EQ(all.errors, 4u) << file;
    EXPECT_EQ(all.latency_ms.count(), 120u) << file;  // failed ones are left out where the server tells them apart
    EXPECT_GT(*all.latency_ms.quantile(0.5), 3.5) << file;
    EXPECT_LT(*all.latency_ms.quantile(0.5), 6.5) << file;
  }
}

TEST(ServedCounts, WhereThereIsNoCounterTheHistogramCounts) {
  const auto counts = read_served(ServerKind::tfserving,
                                  ":tensorflow:serving:request_latency_bucket{model_name=\"digits\",le=\"+Inf\"} 5\n"
                                  ":tensorflow:serving:request_latency_count{model_name=\"digits\"} 5\n",
                                  {"digits"});
  EXPECT_EQ(since_start(counts, 0).count, 5u);
}

ServedCounts counters(double succeeded, double failed, double total_us) {
  ServedCounts counts;
  counts.succeeded = succeeded;
  counts.failed = failed;
  counts.total_us = total_us;
  return counts;
}

TEST(ServedCounts, OnlyTheChangeCounts) {
  const auto since = served_since(counters(100, 2, 1e6), counters(110, 3, 1.2e6));
  EXPECT_EQ(since.count, 11u);
  EXPECT_EQ(since.errors, 1u);
  EXPECT_NEAR(*since.latency_ms.mean(), 20.0, 0.4);
  EXPECT_EQ(served_since(counters(100, 2, 1e6), counters(100, 2, 1e6)).count, 0u);
}

TEST(ServedCounts, CountersThatWentBackBeginAtZero) {
  const auto since = served_since(counters(100, 2, 1e6), counters(10, 0, 5e4));
  EXPECT_EQ(since.count, 10u);
  EXPECT_NEAR(*since.latency_ms.mean(), 5.0, 0.1);
}

TEST(ServedCounts, FiguresThatCannotBeAreNone) {
  const auto counts = read_served(ServerKind::triton,
                                  "nv_inference_request_success{model=\"digits\",version=\"1\"} NaN\n"
                                  "nv_inference_request_success{model=\"digits\",version=\"2\"} -4\n"
                                  "nv_inference_request_success{model=\"digits\",version=\"3\"} +Inf\n"
                                  "nv_inference_request_success{model=\"digits\",version=\"latest\"} 4\n",
                                  {"digits"});
  EXPECT_TRUE(counts.empty());
  EXPECT_EQ(served_since({}, counters(1e300, 0, 1e300)).count, 0u);
}

}  // namespace
}  // namespace argosy::agent
