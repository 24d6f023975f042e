#include "server/models/variant.hpp"

#include <gtest/gtest.h>

#include "server/models/release.hpp"

namespace argosy::server {
namespace {

Variant variant(std::string name, std::string_view selector = "{}", int priority = 0) {
  Variant made;
  made.name = std::move(name);
  made.selector = selector_from_json(selector).value();
  made.priority = priority;
  return made;
}

wire::Capabilities small_board() {
  return {.architecture = "aarch64",
          .accelerators = {"cpu"},
          .runtimes = {"onnxruntime"},
          .precisions = {"fp32", "int8"},
          .memory_mb = 512};
}

Variant of_several_files() {
  Variant made = variant("fp32");
  made.digest = "model 2";
  made.size = 10;
  made.parts = {{"labels.txt", {"labels", 3}}, {"model.onnx.data", {"weights 2", 900}}};
  return made;
}

TEST(ChooseVariant, SeveralFilesAreForAgentsThatTakeThem) {
  wire::Capabilities board = small_board();
  EXPECT_EQ(
      std::get<std::vector<std::string>>(choose_variant({of_several_files()}, board, "cpu")),
      std::vector<std::string>{"fp32: is of several files, and the device's agent takes one alone; update the agent"});
  EXPECT_EQ(std::get<std::size_t>(choose_variant({of_several_files(), variant("alone")}, board, "cpu")), 1U);
  board.takes_parts = true;
  EXPECT_EQ(std::get<std::size_t>(choose_variant({of_several_files()}, board, "cpu")), 0U);
}

TEST(FilesToGet, OfEachNameThoseThatLieInNoSlot) {
  const auto parts_of = [](const HeldVersion& held) -> std::vector<wire::Part> {
    if (held.version != "1.0") return {};
    return {{"labels.txt", {"labels", 3}}, {"model.onnx.data", {"weights 1", 900}}};
  };
  const auto files = files_to_get(of_several_files(), {{"1.0", "model 1"}, {"", ""}}, parts_of);
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].blob, (wire::BlobRef{"model 2", 10}));
  EXPECT_EQ(files[0].bases, std::vector<std::string>{"model 1"});
  EXPECT_EQ(files[1].blob, (wire::BlobRef{"weights 2", 900}));
  EXPECT_EQ(files[1].bases, std::vector<std::string>{"weights 1"});
  EXPECT_EQ(size_of(of_several_files()), 913U);
}

TEST(FilesToGet, TheSameModelWithOtherWeightsIsAnotherVersion) {
  const auto parts_of = [](const HeldVersion& held) -> std::vector<wire::Part> {
    return {{"model.onnx.data", {"weights of " + held.version, 900}}};
  };
  const auto files = files_to_get(of_several_files(), {{"1.0", "model 2"}, {"0.9", "model 2"}}, parts_of);
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].blob.digest, "labels");
  EXPECT_TRUE(files[0].bases.empty());
  EXPECT_EQ(files[1].bases, (std::vector<std::string>{"weights of 1.0", "weights of 0.9"}));
}

TEST(ChooseVariant, TheHighestPriorityThatSuitsWins) {
  const std::vector<Variant> variants = {variant("fp32", R"({"precision": "fp32"})"),
                                         variant("int8", R"({"precision": "int8"})", 1),
                                         variant("cuda", R"({"accelerator": "cuda"})", 9)};
  EXPECT_EQ(std::get<std::size_t>(choose_variant(variants, small_board(), "cpu")), 1U);
}

TEST(ChooseVariant, TheEarlierWinsAmongEquals) {
  EXPECT_EQ(std::get<std::size_t>(choose_variant({variant("a"), variant("b")}, small_board(), "cpu")), 0U);
}

TEST(ChooseVariant, TellsWhyEachDoesNotSuit) {
  const std::vector<Variant> variants = {
      variant("x86", R"({"architecture": "x86_64"})"),  variant("gpu", R"({"accelerator": "cuda"})"),
      variant("tfl", R"({"runtime": "tflite"})"),       variant("half", R"({"precision": "fp16"})"),
      variant("orin", R"({"hardware_class": "orin"})"), variant("big", R"({"min_memory_mb": 4096})"),
  };
  EXPECT_EQ(std::get<std::vector<std::string>>(choose_variant(variants, small_board(), "cpu")),
            (std::vector<std::string>{"x86: needs the architecture x86_64, the device offers aarch64",
                                      "gpu: needs the accelerator cuda, the device offers cpu",
                                      "tfl: needs the runtime tflite, the device offers onnxruntime",
                                      "half: needs the precision fp16, the device offers fp32, int8",
                                      "orin: needs the hardware class orin, the device offers cpu",
                                      "big: needs 4096 MB of memory, the device has 512"}));
}

TEST(ChooseVariant, AModelThatIsTooNewForTheEngineIsPassedOver) {
  std::vector<Variant> variants{variant("new"), variant("old")};
  variants[0].onnx = wire::OnnxReach{25, 10};
  variants[1].onnx = wire::OnnxReach{17, 8};
  wire::Capabilities board = small_board();
  board.inventory.onnx = wire::OnnxReach{22, 10};
  EXPECT_EQ(std::get<std::size_t>(choose_variant(variants, board, "cpu")), 1U);
  variants.pop_back();
  EXPECT_EQ(std::get<std::vector<std::string>>(choose_variant(variants, board, "cpu")),
            std::vector<std::string>{"new: needs the ONNX opset 25, the device's engine reads up to 22"});
}

TEST(ChooseVariant, ADeviceThatHasNotReportedYetOffersNothing) {
  const auto choice = choose_variant({variant("int8", R"({"precision": "int8"})")}, {}, "cpu");
  EXPECT_EQ(std::get<std::vector<std::string>>(choice),
            std::vector<std::string>{"int8: needs the precision int8, the device offers none"});
}

}  // namespace
}  // namespace argosy::server
