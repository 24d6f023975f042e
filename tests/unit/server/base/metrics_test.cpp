#include "server/base/metrics.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

TEST(Metrics, LabelsMayHoldAnything) {
  Metrics metrics;
  metrics.counter("argosy_things_total", "Things", {{"kind", "a\nb"}}).add(1);
  metrics.counter("argosy_things_total", "Things", {{"kind", "a b\\"}}).add(2);
  EXPECT_NE(metrics.text().find("{kind=\"a\\nb\"} 1\n"), std::string::npos) << metrics.text();
  EXPECT_NE(metrics.text().find("{kind=\"a b\\\\\"} 2\n"), std::string::npos) << metrics.text();
}

TEST(Metrics, WritesThePrometheusTextForm) {
  Metrics metrics;
  metrics.counter("argosy_things_total", "Things", {{"kind", "a \"b\""}}).add(2);
  metrics.counter("argosy_things_total", "Things", {{"kind", "a \"b\""}}).add();
  metrics.gauge("argosy_level", "Level").set(0.5);
  metrics.sampled_gauge("argosy_queue", "Queue", [] { return 7; });
  EXPECT_EQ(metrics.text(),
            "# HELP argosy_level Level\n# TYPE argosy_level gauge\nargosy_level 0.5\n"
            "# HELP argosy_queue Queue\n# TYPE argosy_queue gauge\nargosy_queue 7\n"
            "# HELP argosy_things_total Things\n# TYPE argosy_things_total counter\n"
            "argosy_things_total{kind=\"a \\\"b\\\"\"} 3\n");
}

TEST(Metrics, HistogramsAreCumulative) {
  Metrics metrics;
  Histogram& histogram = metrics.histogram("argosy_seconds", "Seconds");
  for (const double seconds : {0.0005, 0.02, 0.02, 100.0}) histogram.observe(seconds);
  const std::string text = metrics.text();
  for (const char* line :
       {"argosy_seconds_bucket{le=\"0.001\"} 1\n", "argosy_seconds_bucket{le=\"0.025\"} 3\n",
        "argosy_seconds_bucket{le=\"60\"} 3\n", "argosy_seconds_bucket{le=\"+Inf\"} 4\n", "argosy_seconds_count 4\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST(Metrics, IncludesFamiliesThatAPartKeepsAndLeavesOutEmptyOnes) {
  Metrics metrics;
  metrics.include([] {
    FigureFamily empty{"argosy_empty", "Empty"};
    FigureFamily served{"argosy_served_total", "Served", MetricKind::counter};
    served.add({{"model", "digits"}}, 1e14);
    return std::vector{empty, served};
  });
  EXPECT_EQ(metrics.text(),
            "# HELP argosy_served_total Served\n# TYPE argosy_served_total counter\n"
            "argosy_served_total{model=\"digits\"} 100000000000000\n");
}

}  // namespace
}  // namespace argosy::server
