#include "agent/runner/validation.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "common/base/file.hpp"
#include "tests/unit/agent/runner/npz_writer.hpp"

namespace argosy::agent {
namespace {

using test::npy;
using test::npz;
using test::TemporaryFile;

const std::filesystem::path digits_folder = ARGOSY_DIGITS;
constexpr double threshold = 0.94;  // of examples/digits/releases

RunnerOptions options_for(const std::string& release) {
  RunnerOptions options;
  options.model = digits_folder / "models" / ("digits-" + release + ".onnx");
  options.dataset = digits_folder / "data/validation.npz";
  return options;
}

std::string error_type(const RunnerOptions& options) {
  const auto report = validate(options);
  EXPECT_FALSE(report["ok"]) << report;
  return report["ok"].get<bool>() ? "" : report["error"]["type"].get<std::string>();
}

class Digits : public testing::TestWithParam<const char*> {};

TEST_P(Digits, GoodReleasesPassTheirThresholdAndTheMislabelledOneFails) {
  const std::string precision = GetParam();
  for (const std::string version : {"1.0", "1.1"}) {
    EXPECT_GT(validate(options_for(version + "-" + precision))["value"], threshold + 0.01) << version;
  }
  EXPECT_LT(validate(options_for("1.2-" + precision))["value"], threshold - 0.02);
}

TEST_P(Digits, TheSlowReleaseIsAsRightAsTheFastOneAndManyTimesSlower) {
#ifdef ARGOSY_SANITIZE
  GTEST_SKIP() << "under a sanitizer its time says nothing";
#endif
  const std::string precision = GetParam();
  const auto fast = validate(options_for("1.1-" + precision)), slow = validate(options_for("1.3-" + precision));
  EXPECT_GT(slow["value"], threshold + 0.01);
  EXPECT_NEAR(slow["value"], fast["value"], 0.01);
  EXPECT_GT(slow["latency_ms"]["p50"], 8 * fast["latency_ms"]["p50"].get<double>());
}

std::string precision_name(const testing::TestParamInfo<const char*>& info) {
  return info.param;
}
INSTANTIATE_TEST_SUITE_P(Precisions, Digits, testing::Values("fp32", "int8"), precision_name);

TEST(Validate, ReportsWhatWasMeasured) {
  RunnerOptions options = options_for("1.1-fp32");
  options.local_dataset = digits_folder / "data/field.npz";
  options.top_worst = 3;
  const auto report = validate(options);
  ASSERT_TRUE(report["ok"]) << report;
  EXPECT_EQ(report["metric"], "accuracy");
  EXPECT_EQ(report["samples"], 400);
  EXPECT_DOUBLE_EQ(report["value"], report["correct"].get<double>() / 400);
  EXPECT_EQ(report["worst"].size(), 3U);
  EXPECT_EQ(report["local"]["samples"], 400);
  EXPECT_GT(report["local"]["value"], threshold);
  EXPECT_GT(report["load_ms"], 0);
  EXPECT_GT(report["peak_memory_mb"], 1);
  EXPECT_LE(report["latency_ms"]["p50"], report["latency_ms"]["p95"]);
  EXPECT_LE(report["latency_ms"]["p95"], report["latency_ms"]["p99"]);
  EXPECT_EQ(report["inputs"], nlohmann::json::parse(R"([{"name":"image","type":"float32","shape":[-1,1,8,8]}])"));
  EXPECT_EQ(report["outputs"], nlohmann::json::parse(R"([{"name":"probabilities","type":"float32","shape":[-1,10]}])"));
}

TEST(Validate, WithoutALocalDataSetLocalIsNull) {
  EXPECT_TRUE(validate(options_for("1.0-fp32"))["local"].is_null());
}

TEST(Validate, WithoutADataSetTheModelIsOnlyLoaded) {
  RunnerOptions options = options_for("1.0-fp32");
  options.dataset.reset();
  const auto report = validate(options);
  ASSERT_TRUE(report["ok"]) << report;
  EXPECT_FALSE(report.contains("value"));
  EXPECT_EQ(report["inputs"].size(), 1U);
  const TemporaryFile letter("not a model");
  options.model = letter.path();
  EXPECT_EQ(error_type(options), "malformed-model");
}

TEST(Validate, AFileThatIsNoModelIsMalformed) {
  const auto model = *read_file(options_for("1.0-fp32").model);
  for (const std::string& content : {std::string(), std::string("not a model"), std::string(5000, '\x01'),
                                     model.substr(0, model.size() / 2), model.substr(0, 100)}) {
    const TemporaryFile file(content);
    RunnerOptions options = options_for("1.0-fp32");
    options.model = file.path();
    EXPECT_EQ(error_type(options), "malformed-model") << content.size() << " bytes";
  }
}

TEST(Validate, AMissingFileIsNotFound) {
  EXPECT_EQ(error_type(options_for("9.9-fp32")), "not-found");
  RunnerOptions options = options_for("1.0-fp32");
  options.dataset = "/nowhere.npz";
  EXPECT_EQ(error_type(options), "not-found");
}

TEST(Validate, ADataSetThatIsNoneIsMalformed) {
  RunnerOptions options = options_for("1.0-fp32");
  options.dataset = options.model;
  EXPECT_EQ(error_type(options), "malformed-dataset");
}

TEST(Validate, SamplesOfAnotherShapeAreIncompatibleAndBothAreNamed) {
  const TemporaryFile file(npz({{"x.npy", npy<std::uint8_t>("|u1", "(1, 1, 2, 2)", {1, 2, 3, 4})},
                                {"y.npy", npy<std::int64_t>("<i8", "(1,)", {0})}}));
  RunnerOptions options = options_for("1.0-fp32");
  options.dataset = file.path();
  const auto report = validate(options);
  EXPECT_EQ(report["error"]["type"], "incompatible");
  EXPECT_EQ(report["error"]["message"],
            "the model's input 'image' float32 [?,1,8,8] does not take the data set's x uint8 [1,1,2,2]");
}

TEST(Validate, ALabelWithoutAScoreIsIncompatible) {
  const TemporaryFile file(npz({{"x.npy", npy("|u1", "(1, 1, 8, 8)", std::vector<std::uint8_t>(64, 1))},
                                {"y.npy", npy<std::int64_t>("<i8", "(1,)", {10})}}));
  RunnerOptions options = options_for("1.0-fp32");
  options.dataset = file.path();
  const auto report = validate(options);
  EXPECT_EQ(report["error"]["type"], "incompatible");
  EXPECT_EQ(report["error"]["message"], "the label of sample 0 is none of the model's 10 classes");
}

nlohmann::json validate_fixture(const std::string& model) {
  const TemporaryFile data(test::four_values());
  RunnerOptions options;
  options.model = std::filesystem::path(ARGOSY_FIXTURES) / (model + ".onnx");
  options.dataset = data.path();
  return validate(options);
}

TEST(Validate, FillsTheModelsOwnInputTypeByValue) {
  for (const char* model : {"uint8_input", "int8_input", "float16_input", "int64_output", "batch_of_8"}) {
    EXPECT_EQ(validate_fixture(model)["value"], 1.0) << model;
  }
}

// The fixtures answer with their input.
TEST(Validate, HoldsOutputsAgainstGoldenOnes) {
  const TemporaryFile data(npz({{"x.npy", npy<float>("<f4", "(2, 4)", {1, 2, 3, 4, 5, 6, 7, 8})},
                                {"y.npy", npy<float>("<f4", "(2, 4)", {1, 2, 3, 4, 5, 6, 7, 12})}}));
  RunnerOptions options;
  options.model = std::filesystem::path(ARGOSY_FIXTURES) / "float16_input.onnx";
  options.dataset = data.path();
  for (const auto& [metric, value] : {std::pair{"mae", 0.5}, {"mse", 2.0}, {"max_abs_difference", 4.0}}) {
    options.metric = metric;
    const auto report = validate(options);
    EXPECT_EQ(report["value"], value) << report;
    EXPECT_EQ(report["worst"], nlohmann::json({1, 0}));
    EXPECT_TRUE(report["correct"].is_null());
  }
  options.metric = "accuracy";
  EXPECT_EQ(error_type(options), "incompatible");
}

TEST(Validate, InputsAloneAreEnoughForLatencyAndFiniteOutputs) {
  const TemporaryFile data(npy<float>("<f4", "(2, 4)", {1, 2, 3, 4, 5, 6, 7, std::numeric_limits<float>::infinity()}));
  RunnerOptions options;
  options.model = std::filesystem::path(ARGOSY_FIXTURES) / "float16_input.onnx";
  options.dataset = data.path();
  options.metric = "none";
  const auto report = validate(options);
  EXPECT_TRUE(report["value"].is_null()) << report;
  EXPECT_EQ(report["samples"], 2);
  EXPECT_EQ(report["unusable"], 1);
  EXPECT_EQ(report["worst"], nlohmann::json({1}));
  EXPECT_GT(report["latency_ms"]["p95"], 0);
}

TEST(Validate, AComplaintAboutASampleHoldsNothingOfIt) {
  const TemporaryFile data(npy<float>("<f4", "(1, 4)", {1, 2, 3, 98765}));
  RunnerOptions options;
  options.model = std::filesystem::path(ARGOSY_FIXTURES) / "table.onnx";
  options.local_dataset = data.path();
  options.metric = "none";
  const auto report = validate(options);
  const auto message = report["error"]["message"].get<std::string>();
  EXPECT_NE(message.find("out of data bounds, idx=#"), std::string::npos) << message;
  EXPECT_EQ(report.dump().find("98765"), std::string::npos) << report;
}

TEST(Validate, SaysWhatItCannotRunAndWhy) {
  const auto message = [](const char* model) {
    const auto report = validate_fixture(model);
    EXPECT_EQ(report["error"]["type"], "incompatible") << report;
    return report["error"]["message"].get<std::string>();
  };
  EXPECT_EQ(message("two_inputs"),
            "the model's input 'a' float32 [?,4] has no array in the data set, which holds x float32 [2,4]: save one "
            "under the input's name");
}

}  // namespace
}  // namespace argosy::agent
