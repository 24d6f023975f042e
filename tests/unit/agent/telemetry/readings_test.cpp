#include "agent/telemetry/readings.hpp"

#include <gtest/gtest.h>

#include "agent/telemetry/runtimes_seen.hpp"

namespace argosy::agent {
namespace {

std::string fault(const std::string& json) {
  const auto readings = parse_readings(json);
  return readings ? "" : readings.error().message;
}

TEST(Readings, AreTheNumbersOfOneObject) {
  EXPECT_EQ(parse_readings("{\"pump_bar\": 2.5, \"starts\": 12}\n").value(),
            (Readings{{"pump_bar", 2.5}, {"starts", 12}}));
  EXPECT_EQ(parse_readings("{}").value(), Readings{});
}

TEST(Readings, AFaultNamesWhatIsWrong) {
  EXPECT_EQ(fault("{\"pump_bar\": \"high\"}"), "'pump_bar' is string; it must be a number");
  EXPECT_EQ(fault("{\"pump_bar\": null}"), "'pump_bar' is null; it must be a number");
  EXPECT_EQ(fault("{\"Pump\": 1}"), "the name 'Pump' must match [a-z0-9_]{1,40}");
  EXPECT_EQ(fault("{\"pump\": 1e19}"), "'pump' is over 10^18");
  EXPECT_EQ(fault("[1]"), "it must be one JSON object such as {\"pump_bar\": 2.4}");
  for (const char* garbage : {"", "pump 3", "{\"a\": 1} {\"b\": 2}", "{\"a\": 1, \"a\": 2}", "{\"a\": nan}",
                              "{\"a\": [[[[[[1]]]]]]}", "\xff\xfe"})
    EXPECT_FALSE(fault(garbage).empty()) << garbage;
  std::string many = "{";
  for (int i = 0; i < 17; ++i) many += (i > 0 ? ", " : "") + ("\"n" + std::to_string(i)) + "\": 1";
  EXPECT_EQ(fault(many + "}"), "it holds 17 numbers; the limit is 16");
}

TEST(RuntimesSeen, KeepsWhatEachSourceSaidLast) {
  RuntimesSeen seen;
  seen.note("runner", "onnxruntime 1.22.0");
  seen.note("model a", "tflite 2.16.1");
  seen.note("model b", "onnxruntime 1.22.0");
  seen.note("server", "");
  EXPECT_EQ(seen.versions(), (std::vector<std::string>{"onnxruntime 1.22.0", "tflite 2.16.1"}));
  seen.note("model a", "tflite 2.17.0");
  seen.note("model a", "no-version");
  EXPECT_EQ(seen.versions(), (std::vector<std::string>{"onnxruntime 1.22.0", "tflite 2.17.0"}));
  for (int i = 0; i < 100; ++i) seen.note("model " + std::to_string(i), "x " + std::to_string(i));
  EXPECT_EQ(seen.versions().size(), RuntimesSeen::most_sources);
  seen.note("runner", "onnxruntime 1.23.0");
  EXPECT_EQ(seen.versions().front(), "onnxruntime 1.23.0") << "no program takes the agent's own place";
  EXPECT_EQ(seen.versions().back(), "x 99") << "who speaks is heard, whoever spoke before";
}

}  // namespace
}  // namespace argosy::agent
