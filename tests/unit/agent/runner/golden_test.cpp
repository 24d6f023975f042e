// Each metric against what a well-kept library says of the same predictions: tests/data/metrics/make.py made both.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agent/runner/validation.hpp"
#include "common/base/file.hpp"

namespace argosy::agent {
namespace {

const std::filesystem::path folder = ARGOSY_TEST_DATA "/metrics";

TEST(Golden, EveryMetricIsThatOfTheLibraries) {
  const auto golden = nlohmann::json::parse(*read_file(folder / "golden.json"));
  ASSERT_GT(golden.size(), 30U);
  for (const auto& each : golden) {
    RunnerOptions options;
    options.model = folder / (each["model"].get<std::string>() + ".onnx");
    options.dataset = folder / (each["dataset"].get<std::string>() + ".npz");
    options.metric = each["metric"].get<std::string>();
    const auto report = validate(options);
    ASSERT_TRUE(report["ok"]) << each << report;
    EXPECT_NEAR(report["value"].get<double>(), each["value"].get<double>(), each["tolerance"].get<double>()) << each;
    if (!report["interval"].is_null()) {
      EXPECT_LE(report["interval"][0], report["value"]) << each;
      EXPECT_GE(report["interval"][1], report["value"]) << each;
    }
  }
}

}  // namespace
}  // namespace argosy::agent
