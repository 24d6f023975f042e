// What is found out of a release before it is published, by the real runner on real files.
#include "cli/release_check.hpp"

#include <gtest/gtest.h>

#include "cli/onnx_file.hpp"
#include "cli/runner_process.hpp"
#include "common/base/file.hpp"
#include "common/tensors/tensor_map.hpp"
#include "tests/support/temporary_folder.hpp"

namespace argosy::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

const fs::path tried_cases = ARGOSY_TEST_DATA "/cases";

struct Tried {
  ReleaseFiles files;
  std::optional<std::chrono::milliseconds> time;
  json document{{"variants", json::array()}};

  Tried& variant(const std::string& name, const fs::path& file, const std::string& format = "onnx") {
    document["variants"].push_back({{"name", name}, {"format", format}, {"digest", *files.add(file)}});
    return *this;
  }
  Tried& dataset(const fs::path& file, double threshold = 0) {
    document["validation"] = {{"dataset", *files.add(file)}, {"metric", "accuracy"}, {"threshold", threshold}};
    return *this;
  }
  Result<ReleaseFindings> check(const fs::path& runner = ARGOSY_RUNNER) const {
    return check_release(document, files, {runner, std::nullopt, time});
  }
  std::string refusal() const {
    const auto found = check();
    return found ? "none" : found.error().message;
  }
};

bool any_says(const ReleaseFindings& findings, std::string_view part) {
  for (const std::string& sentence : findings.said)
    if (sentence.find(part) != std::string::npos) return true;
  return false;
}

TEST(ReleaseCheck, MeasuresEachVariantAndComparesThem) {
  Tried tried;
  const auto found = tried.variant("fp32", tried_cases / "models/ok.onnx")
                         .variant("b8", tried_cases / "models/batch8.onnx")
                         .dataset(tried_cases / "datasets/ok.npz")
                         .check();
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->variants.size(), 2U);
  EXPECT_EQ(found->variants[0]["value"], 1.0);
  EXPECT_EQ(found->variants[0]["opset"], 13);
  EXPECT_EQ(found->variants[0]["ir_version"], 8);
  EXPECT_GT(found->variants[0]["peak_memory_mb"], 1);
  EXPECT_EQ(found->variants[1]["agreement"], (json{{"with", "fp32"}, {"share", 1.0}, {"samples", 60}}));
  EXPECT_TRUE(any_says(*found, "Tried fp32: accuracy 1 (0.9398 to 1), p95 "));
  EXPECT_TRUE(any_says(*found, "b8 agrees with fp32 on 100 % of the samples"));
}

Result<ReleaseFindings> slow_digits_within(std::chrono::milliseconds time) {
  const fs::path digits = ARGOSY_DIGITS;
  Tried tried;
  tried.time = time;
  return tried.variant("fp32", digits / "models/digits-1.3-fp32.onnx")
      .variant("int8", digits / "models/digits-1.3-int8.onnx")
      .dataset(digits / "data/validation.npz")
      .check();
}

TEST(ReleaseCheck, WhereTimeIsShortItTriesSomeSamplesAndSaysHowMany) {
  // All 400 would take seconds.
  const auto found = slow_digits_within(std::chrono::milliseconds(400));
  ASSERT_TRUE(found) << found.error().message;
  for (const json& variant : found->variants) {
    EXPECT_GE(variant["samples"], 1);
    EXPECT_LT(variant["samples"], 400);
    EXPECT_TRUE(any_says(*found, "tried on " + variant["samples"].dump() + " of 400 samples in ")) << variant;
  }
  const json& second = found->variants[1];
  if (second.contains("agreement"))
    EXPECT_LE(second["agreement"]["samples"], std::min(second["samples"], found->variants[0]["samples"]));
  else
    EXPECT_TRUE(any_says(*found, "were not compared: no time was left for it"));
  EXPECT_TRUE(any_says(*found, "--check-seconds 0 tries all samples"));
}

TEST(ReleaseCheck, WithoutTimeItStillTriesEachVariant) {
  const auto found = slow_digits_within(std::chrono::milliseconds(1));
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->variants.size(), 2U);
  EXPECT_EQ(found->variants[1]["samples"], 1);
  EXPECT_TRUE(any_says(*found, "Variants fp32 and int8 were not compared: no time was left for it"));
}

TEST(ReleaseCheck, RefusesWhatNoDeviceCouldTake) {
  const auto refusal = [](const char* model, const char* dataset) {
    Tried tried;
    return tried.variant("d", tried_cases / "models" / model).dataset(tried_cases / "datasets" / dataset).refusal();
  };
  EXPECT_NE(refusal("BROKEN.ONNX", "ok.npz").find("variant d (BROKEN.ONNX): "), std::string::npos);
  EXPECT_NE(refusal("opset_newest_ir10.onnx", "ok.npz").find("needs opset 28"), std::string::npos);
  EXPECT_NE(refusal("tokens.onnx", "ok.npz").find("'t' float32 [5,3]"), std::string::npos);
  EXPECT_NE(refusal("ok.onnx", "y_object.npz").find("array 'y': the array holds Python objects"), std::string::npos);
  EXPECT_NE(refusal("ok.onnx", "x_nan.npz").find("1 of 60 samples with what is no number"), std::string::npos);
  EXPECT_NE(refusal("ok.onnx", "x_nan.npz").find("array 'x' holds NaN"), std::string::npos);
  EXPECT_NE(refusal("ok.onnx", "../models/ok.onnx").find("not a .npz file"), std::string::npos);
}

TEST(ReleaseCheck, WithoutAnEngineItLooksAtTheFileAndSaysWhatItDidNotDo) {
  Tried tried;
  const auto found = tried.variant("d", tried_cases / "models/ok.onnx").check("");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_TRUE(any_says(*found, "Not tried here: d, for argosy-runner is neither beside this program nor in PATH"));
  EXPECT_TRUE(any_says(*found, "an ONNX model of opset 13, IR version 8"));
  Tried broken;
  EXPECT_FALSE(broken.variant("d", tried_cases / "models/BROKEN.ONNX").check(""));
}

TEST(ReleaseCheck, OtherFormatsAreLeftToTheDevices) {
  Tried tried;
  const auto found = tried.variant("d", tried_cases / "models/BROKEN.ONNX", "tflite").check();
  ASSERT_TRUE(found);
  EXPECT_TRUE(any_says(*found, "Not tried here: d, for models of the format tflite"));
}

std::vector<std::string> doubts(double value, double lower, double upper, const char* direction = "higher") {
  return doubts_about({{"value", value}, {"interval", {lower, upper}}, {"samples", 60}},
                      {{"metric", "accuracy"}, {"threshold", 0.95}, {"direction", direction}});
}

TEST(ReleaseCheck, DoubtsWhatASmallDataSetCannotTell) {
  EXPECT_EQ(doubts(1.0, 0.94, 1.0),
            (std::vector<std::string>{"the data set is too small to tell accuracy from the threshold 0.95: by its 60 "
                                      "samples the model's is from 0.94 to 1"}));
  EXPECT_TRUE(doubts(1.0, 0.96, 1.0).empty());
  EXPECT_EQ(doubts(0.9, 0.8, 0.94),
            (std::vector<std::string>{"accuracy is 0.9 here, and the threshold 0.95: devices will refuse it"}));
  EXPECT_TRUE(doubts(0.9, 0.8, 0.94, "lower").empty());
}

TEST(ReleaseCheck, DoubtsWhatSomeOfTheSamplesCannotTell) {
  const auto doubts_of = [](double value, double lower) {
    return doubts_about({{"value", value}, {"interval", {lower, 1}}, {"samples", 60}, {"samples_in_set", 400}},
                        {{"metric", "accuracy"}, {"threshold", 0.95}});
  };
  EXPECT_EQ(doubts_of(1, 0.94), (std::vector<std::string>{"too few samples were tried to tell accuracy from the "
                                                          "threshold 0.95: by 60 of 400 samples the model's is from "
                                                          "0.94 to 1"}));
  EXPECT_EQ(doubts_of(0.9, 0.8), (std::vector<std::string>{"accuracy is 0.9 on 60 of 400 samples, and the threshold "
                                                           "0.95: devices, which try all, are likely to refuse it"}));
}

TEST(OnnxFile, PackedItAnswersTheSame) {
  const test::TemporaryFolder folder;
  const auto whole = packed_onnx(tried_cases / "models/ext/model.onnx");
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_TRUE(find_tensors(as_bytes(*whole)).files.empty());
  const fs::path packed = folder.path() / "packed.onnx";
  ASSERT_TRUE(write_file_atomically(packed, *whole));
  const auto compared = run_runner(ARGOSY_RUNNER, {"--model", tried_cases / "models/ext/model.onnx", "--compare-with",
                                                   packed, "--generate", "50", "--box", "any"});
  ASSERT_TRUE(compared) << compared.error().message;
  EXPECT_EQ((*compared)["max_difference"], 0.0);
  EXPECT_EQ((*compared)["agreement"], 1.0);
}

TEST(OnnxFile, TakesNoWeightsFromElsewhere) {
  const test::TemporaryFolder folder;
  const auto with_place = [&](const std::string& place) {
    std::string model = *read_file(tried_cases / "models/ext/model.onnx");
    const std::string old = "model.onnx.data";
    EXPECT_EQ(place.size(), old.size());
    model.replace(model.find(old), old.size(), place);
    EXPECT_TRUE(write_file_atomically(folder.path() / "model.onnx", model));
    const auto packed = packed_onnx(folder.path() / "model.onnx");
    return packed ? "packed" : packed.error().message;
  };
  EXPECT_NE(with_place("../../../passwd").find("outside its folder"), std::string::npos);
  EXPECT_NE(with_place("/etc/passwd////").find("outside its folder"), std::string::npos);
  EXPECT_NE(with_place("nobody_has.data").find("the model's weights: "), std::string::npos);
  ASSERT_TRUE(write_file_atomically(folder.path() / "nobody_has.data", "short"));
  EXPECT_NE(with_place("nobody_has.data").find("end at byte 5, before those that it names"), std::string::npos);
}

}  // namespace
}  // namespace argosy::cli
