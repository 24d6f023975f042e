#include "server/monitoring/otlp.hpp"

#include <limits>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace argosy::server {
namespace {

using nlohmann::json;

const Instant start = instant_from_ms(1'700'000'000'000);
const Instant now = instant_from_ms(1'700'000'060'000);

json metrics_of(const std::vector<FigureFamily>& families) {
  const json request = json::parse(otlp_request({"argosyd", "1.2", "abc"}, families, start, now));
  return request.at("resourceMetrics").at(0).at("scopeMetrics").at(0).at("metrics");
}

TEST(OtlpRequest, SaysWhoSpeaks) {
  const json request = json::parse(otlp_request({"argosyd", "1.2", "abc"}, {}, start, now));
  EXPECT_EQ(request.at("resourceMetrics").at(0).at("resource"), json::parse(R"({"attributes": [
    {"key": "service.name", "value": {"stringValue": "argosyd"}},
    {"key": "service.version", "value": {"stringValue": "1.2"}},
    {"key": "service.instance.id", "value": {"stringValue": "abc"}}]})"));
}

TEST(OtlpRequest, ACounterIsAMonotonicSumSinceTheStart) {
  FigureFamily counter{"argosy_things_total", "Things", MetricKind::counter};
  counter.add({{"kind", "a"}}, 3);
  EXPECT_EQ(metrics_of({counter}), json::parse(R"([{"name": "argosy_things_total", "description": "Things",
    "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [{"asDouble": 3.0,
      "attributes": [{"key": "kind", "value": {"stringValue": "a"}}],
      "startTimeUnixNano": "1700000000000000000", "timeUnixNano": "1700000060000000000"}]}}])"));
}

TEST(OtlpRequest, AFigureHasTheUnitThatItsNameSays) {
  FigureFamily time{"argosy_wait_seconds", "Wait"}, bytes{"argosy_cleared_bytes_total", "Bytes", MetricKind::counter};
  FigureFamily devices{"argosy_devices", "Devices"};
  for (FigureFamily* family : {&time, &bytes, &devices}) family->add({}, 1);
  const json metrics = metrics_of({time, bytes, devices});
  EXPECT_EQ(metrics.at(0).at("unit"), "s");
  EXPECT_EQ(metrics.at(1).at("unit"), "By");
  EXPECT_FALSE(metrics.at(2).contains("unit"));
}

TEST(OtlpRequest, AHistogramHasACountMoreThanBounds) {
  FigureFamily histogram{"argosy_seconds", "Seconds", MetricKind::histogram};
  histogram.samples.push_back({{}, MetricHistogram{{0.1, 1}, {5, 2, 1}, 3.5}});
  const json point = metrics_of({histogram}).at(0).at("histogram").at("dataPoints").at(0);
  EXPECT_EQ(point.at("bucketCounts"), json::parse(R"(["5", "2", "1"])"));
  EXPECT_EQ(point.at("explicitBounds"), json::parse("[0.1, 1.0]"));
  EXPECT_EQ(point.at("count"), "8");
  EXPECT_EQ(point.at("sum"), 3.5);
}

TEST(OtlpRequest, WhatJsonCannotSayIsLeftOut) {
  FigureFamily gauge{"argosy_level", "Level", MetricKind::gauge};
  gauge.add({}, std::numeric_limits<double>::quiet_NaN());
  gauge.add({}, 1);
  EXPECT_EQ(metrics_of({gauge}).at(0).at("gauge").at("dataPoints").size(), 1U);
  EXPECT_EQ(metrics_of({FigureFamily{"argosy_empty", "Empty", MetricKind::gauge}}), json::array());
}

TEST(OtlpAnswer, TellsWhatWasNotTaken) {
  const auto partial = partial_success_of(R"({"partialSuccess": {"rejectedDataPoints": "4", "errorMessage": "late"}})");
  ASSERT_TRUE(partial);
  EXPECT_EQ(partial->rejected_points, 4);
  EXPECT_EQ(partial->message, "late");
  for (const char* all :
       {"", "{}", R"({"partialSuccess": {}})", R"({"partialSuccess": {"rejectedDataPoints": 0}})", "[1]", "no json"})
    EXPECT_FALSE(partial_success_of(all)) << all;
}

TEST(OtlpAnswer, OnlySomeStatusesAreTriedAgain) {
  for (const int status : {429, 502, 503, 504}) EXPECT_TRUE(is_worth_another_try(status)) << status;
  for (const int status : {400, 401, 404, 413, 500, 501}) EXPECT_FALSE(is_worth_another_try(status)) << status;
}

}  // namespace
}  // namespace argosy::server
