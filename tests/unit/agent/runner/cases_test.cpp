// Models and data sets as people have them, and what the runner makes of each.
#include <limits>

#include <gtest/gtest.h>

#include "agent/runner/validation.hpp"
#include "tests/unit/agent/runner/npz_writer.hpp"

namespace argosy::agent {
namespace {

using nlohmann::json;
using test::npy;
using test::npz;
using test::TemporaryFile;

const std::filesystem::path cases = ARGOSY_TEST_DATA "/cases";

json judge(const std::string& model, const std::filesystem::path& dataset, const std::string& metric = "accuracy") {
  RunnerOptions options;
  options.model = cases / "models" / model;
  options.dataset = dataset;
  options.metric = metric;
  return validate(options);
}
json judge_on(const std::string& model, const std::string& dataset) {
  return judge(model, cases / "datasets" / dataset);
}
std::string refusal_in(const json& report) {
  return report["ok"].get<bool>() ? "ok" : report["error"]["message"].get<std::string>();
}
bool says(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}
// Sixty samples of four numbers, as in the data sets.
std::string sixty_by_four(float first = 1) {
  std::vector<float> values(240, 0.5F);
  values[0] = first;
  return npy<float>("<f4", "(60, 4)", values);
}
std::string sixty_labels(std::int64_t all, std::int64_t first) {
  std::vector<std::int64_t> labels(60, all);
  labels[0] = first;
  return npy<std::int64_t>("<i8", "(60,)", labels);
}

TEST(Cases, ModelsOfOtherSignaturesAreValidated) {
  for (const char* model : {"ok.onnx", "sklearn_zipmap.onnx", "double_in.onnx", "batch8.onnx"}) {
    const json report = judge_on(model, "ok.npz");
    EXPECT_EQ(report["value"], 1.0) << model << report;
    EXPECT_EQ(report["samples"], 60) << model;
  }
}

TEST(Cases, ScoresOfNamedClassesServeWhereAClassIsNotEnough) {
  const json report = judge("sklearn_zipmap.onnx", cases / "datasets/ok.npz", "roc_auc");
  EXPECT_EQ(report["value"], 1.0) << report;
}

TEST(Cases, FractionsThatWholeNumbersCannotHoldAreSaid) {
  const json report = judge_on("int64_in.onnx", "ok.npz");
  EXPECT_TRUE(report["ok"]) << report;
  EXPECT_TRUE(says(report["notes"].dump(), "array 'x' holds fractions, which were rounded")) << report;
}

TEST(Cases, TwoInputsAreFedByTheirNames) {
  const std::string y = sixty_labels(0, 0);
  const TemporaryFile both(npz({{"x.npy", sixty_by_four()}, {"mask.npy", sixty_by_four()}, {"y.npy", y}}));
  EXPECT_TRUE(judge("two_inputs.onnx", both.path())["ok"]);
  const std::string named = R"({"inputs": {"x": "pixels", "mask": "valid"}})";
  const TemporaryFile mapped(
      npz({{"pixels.npy", sixty_by_four()}, {"valid.npy", sixty_by_four()}, {"y.npy", y}, {"argosy.json", named}}));
  EXPECT_TRUE(judge("two_inputs.onnx", mapped.path())["ok"]);
  EXPECT_TRUE(
      says(refusal_in(judge_on("two_inputs.onnx", "ok.npz")), "the model's input 'mask' float32 [?,4] has no array"));
}

TEST(Cases, ALastBatchThatIsNotFullCountsItsSamplesAlone) {
  // 60 is seven times eight and four: the padding would be seen in the number of samples and in the value.
  EXPECT_EQ(judge_on("batch8.onnx", "ok.npz")["correct"], 60);
}

TEST(Cases, OneScorePartsTwoClasses) {
  const TemporaryFile two(npz({{"x.npy", sixty_by_four()}, {"y.npy", sixty_labels(0, 1)}}));
  EXPECT_TRUE(judge("sigmoid1.onnx", two.path())["ok"]);
  const TemporaryFile zeros(npz({{"x.npy", sixty_by_four()}, {"y.npy", sixty_labels(0, 0)}}));
  EXPECT_TRUE(says(judge("sigmoid1.onnx", zeros.path())["notes"].dump(), "are of one class: they prove nothing"));
  const TemporaryFile high(
      npz({{"x.npy", sixty_by_four()}, {"y.npy", sixty_labels(0, 0)}, {"argosy.json", R"({"threshold": 1.5})"}}));
  EXPECT_EQ(judge("sigmoid1.onnx", high.path())["value"], 1.0);
  EXPECT_TRUE(says(refusal_in(judge_on("sigmoid1.onnx", "ok.npz")), "is one score, which parts the classes 0 and 1"));
}

TEST(Cases, TokensAreJudgedOneByOneOrRefusedWithTheShape) {
  EXPECT_EQ(refusal_in(judge_on("tokens.onnx", "ok.npz")),
            "the model answers a sample with 't' float32 [5,3], and array 'y' int64 [60] has one label a sample: for a "
            "label of each of 5 tokens it must be [60,5]");
  const TemporaryFile tokens(
      npz({{"x.npy", sixty_by_four()}, {"y.npy", npy("<i8", "(60, 5)", std::vector<std::int64_t>(300, 1))}}));
  const json report = judge("tokens.onnx", tokens.path());
  EXPECT_TRUE(report["ok"]) << report;
  EXPECT_EQ(report["samples"], 60);
}

TEST(Cases, WhatIsNewerThanTheEngineIsRefusedWithBothNumbers) {
  const json report = judge_on("opset_newest_ir10.onnx", "ok.npz");
  EXPECT_EQ(report["error"]["type"], "incompatible");
  EXPECT_TRUE(says(refusal_in(report), "the model needs opset 28, and this engine, ONNX Runtime ")) << report;
  EXPECT_TRUE(says(refusal_in(report), "runs up to opset 2")) << report;
}

TEST(Cases, TextIsNoModelWhateverItsNameSays) {
  const json report = judge_on("BROKEN.ONNX", "ok.npz");
  EXPECT_EQ(report["error"]["type"], "malformed-model");
  EXPECT_TRUE(says(refusal_in(report), "not an ONNX model")) << report;
}

TEST(Cases, DataSetsAreReadHoweverTheyWereSaved) {
  for (const char* dataset : {"compressed.npz", "positional.npz", "x_fortran.npz", "xtest_ytest.npz", "y_column.npz",
                              "y_float.npz", "y_onehot.npz"})
    EXPECT_EQ(judge_on("ok.onnx", dataset)["value"], 1.0) << dataset << refusal_in(judge_on("ok.onnx", dataset));
}

TEST(Cases, WhatCannotBeReadIsRefusedWithTheArrayAndTheRemedy) {
  const auto refusal = [](const char* dataset) {
    const json report = judge_on("ok.onnx", dataset);
    EXPECT_EQ(report["error"]["type"], "malformed-dataset") << dataset << report;
    return refusal_in(report);
  };
  EXPECT_TRUE(says(refusal("y_object.npz"), "array 'y': the array holds Python objects"));
  EXPECT_TRUE(says(refusal("y_object.npz"), "np.asarray(array, dtype=np.int64)"));
  EXPECT_TRUE(says(refusal("y_short.npz"), "array 'y' is int64 [59] where 'x' has 60 samples"));
  EXPECT_TRUE(says(refusal("y_string.npz"), "array 'y' text [60] holds texts"));
  EXPECT_TRUE(says(refusal("y_string.npz"), "\"classes\""));
}

TEST(Cases, AnArrayThatLostABitIsRefusedByItsName) {
  std::string bytes = npz({{"x.npy", sixty_by_four()}, {"y.npy", sixty_labels(0, 1)}});
  bytes[bytes.find("y.npy") + 200] ^= 1;
  const TemporaryFile damaged(bytes);
  const json report = judge("ok.onnx", damaged.path());
  EXPECT_EQ(report["error"]["type"], "malformed-dataset") << report;
  EXPECT_TRUE(says(refusal_in(report), "array 'y' is not as it was saved: its checksum differs")) << report;
}

TEST(Cases, NaNInSamplesIsSaidAndItsAnswersCounted) {
  const json report = judge_on("ok.onnx", "x_nan.npz");
  EXPECT_EQ(report["unusable"], 1);
  EXPECT_TRUE(says(report["notes"].dump(), "array 'x' holds NaN in 1 of 60 samples")) << report;
}

TEST(Cases, LabelsByNameGoByTheNamesOfTheClasses) {
  std::vector<std::uint32_t> names;
  for (int i = 0; i < 60; ++i) names.push_back(i == 0 ? 'b' : 'a');
  const std::string y = npy<std::uint32_t>("<U1", "(60,)", names);
  const TemporaryFile named(
      npz({{"x.npy", sixty_by_four()}, {"y.npy", y}, {"argosy.json", R"({"classes": ["a", "b", "c"]})"}}));
  EXPECT_TRUE(judge("ok.onnx", named.path())["ok"]) << refusal_in(judge("ok.onnx", named.path()));
  const TemporaryFile unknown(
      npz({{"x.npy", sixty_by_four()}, {"y.npy", y}, {"argosy.json", R"({"classes": ["a", "x", "c"]})"}}));
  EXPECT_EQ(refusal_in(judge("ok.onnx", unknown.path())), "the label of sample 0 is none of the model's 3 classes");
}

TEST(Cases, LabelsThatCountFromOneAreKnown) {
  const TemporaryFile file(npz({{"x.npy", sixty_by_four()}, {"y.npy", sixty_labels(1, 3)}}));
  EXPECT_EQ(refusal_in(judge("ok.onnx", file.path())),
            "the label of sample 0 is none of the model's 3 classes: labels count from 0, and these from 1");
}

TEST(Cases, TheIntervalTellsASmallDataSet) {
  const json report = judge_on("ok.onnx", "ok.npz");
  EXPECT_NEAR(report["interval"][0].get<double>(), 0.9398, 0.0001);
  EXPECT_LE(report["interval"][1], 1.0);
}

}  // namespace
}  // namespace argosy::agent
