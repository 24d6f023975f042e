#include "agent/serving/prometheus_text.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace argosy::agent {
namespace {

struct Read {
  std::vector<std::string> samples;
  std::size_t refused = 0;
};

Read read(std::string_view text) {
  Read all;
  all.refused = read_metrics(text, [&](const MetricSample& sample) {
    std::string line(sample.name);
    for (const auto& [name, value] : sample.labels) line += " " + std::string(name) + "=" + value;
    all.samples.push_back(line + " " + std::to_string(std::lround(sample.value)));
  });
  return all;
}

TEST(PrometheusText, SamplesWithAndWithoutLabels) {
  const auto all =
      read("# HELP up what it is\n# TYPE up gauge\nup 1\n\n  up{a=\"x\", b = \"y z\",} 2 1700000000000\r\nup{} +3");
  EXPECT_EQ(all.samples, (std::vector<std::string>{"up 1", "up a=x b=y z 2", "up 3"}));
  EXPECT_EQ(all.refused, 0u);
}

TEST(PrometheusText, EscapesInLabelsAreUndone) {
  const auto all = read(R"(m{path="C:\\tmp",said="\"no\"",lines="a\nb"} 1)");
  ASSERT_EQ(all.samples.size(), 1u);
  EXPECT_EQ(all.samples[0], "m path=C:\\tmp said=\"no\" lines=a\nb 1");
}

TEST(PrometheusText, EveryFormOfANumber) {
  std::vector<double> values;
  read_metrics("a 1.2e+06\nb 0.5\nc +Inf\nd -Inf\ne NaN\n", [&](const MetricSample& s) { values.push_back(s.value); });
  ASSERT_EQ(values.size(), 5u);
  EXPECT_EQ(values[0], 1.2e6);
  EXPECT_EQ(values[1], 0.5);
  EXPECT_TRUE(std::isinf(values[2]) && values[2] > 0);
  EXPECT_TRUE(std::isinf(values[3]) && values[3] < 0);
  EXPECT_TRUE(std::isnan(values[4]));
}

TEST(PrometheusText, WhatIsNoSampleIsCountedAndPassedOver) {
  const auto all =
      read("good 1\n<html>\nm{a=\"x} 1\nm{a=x} 1\nm{=\"x\"} 1\nm{a=\"x\" b=\"y\"} 1\nm one\nm\n9m 1\nm 0x10\nlast 2\n");
  EXPECT_EQ(all.samples, (std::vector<std::string>{"good 1", "last 2"}));
  EXPECT_EQ(all.refused, 9u);
}

TEST(PrometheusText, LimitsHold) {
  std::string labels;
  for (std::size_t i = 0; i <= MetricSample::max_labels; ++i) labels += "l" + std::to_string(i) + "=\"\",";
  EXPECT_EQ(read("m{" + labels + "} 1").refused, 1u);
  EXPECT_EQ(read("m{a=\"" + std::string(MetricSample::max_line_bytes, 'x') + "\"} 1\nm 1").samples.size(), 1u);
}

}  // namespace
}  // namespace argosy::agent
