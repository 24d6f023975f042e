#include "common/wire/model_file.hpp"

#include <gtest/gtest.h>

#include "common/base/file.hpp"
#include "common/base/random.hpp"

namespace argosy::wire {
namespace {

// ir_version = 8, producer_name = "t", graph = 3 bytes, opset_import = 2 bytes.
const Bytes tiny_onnx = {0x08, 0x08, 0x12, 0x01, 't', 0x3a, 0x03, 1, 2, 3, 0x42, 0x02, 0x10, 0x11};

std::string complaint(std::string_view format, const Bytes& file) {
  const auto checked = check_model_file(format, file);
  if (checked) return "passes";
  EXPECT_EQ(checked.error().code, Errc::malformed_model);
  return checked.error().message;
}

TEST(ModelFile, APlausibleOnnxFilePasses) {
  EXPECT_EQ(complaint("onnx", tiny_onnx), "passes");
}

TEST(ModelFile, TheExampleModelPasses) {
  const auto file = read_file(ARGOSY_EXAMPLE_MODEL);
  ASSERT_TRUE(file) << file.error().message;
  const auto asked = check_model_file("onnx", as_bytes(*file));
  ASSERT_TRUE(asked) << asked.error().message;
  ASSERT_TRUE(*asked);
  EXPECT_GE((*asked)->opset, 11U);
  EXPECT_GE((*asked)->ir, 3U);
}

TEST(ModelFile, TellsWhatTheModelAsksOfItsEngine) {
  using Asked = std::optional<wire::OnnxReach>;
  const auto asked = [](const Bytes& imports) {
    Bytes file = {0x08, 0x0a, 0x3a, 0x03, 1, 2, 3};  // ir_version = 10, graph
    file.insert(file.end(), imports.begin(), imports.end());
    return check_model_file("onnx", file).value();
  };
  EXPECT_EQ(check_model_file("onnx", tiny_onnx).value(), (Asked{{17, 8}}));
  EXPECT_EQ(asked({0x42, 0x04, 0x0a, 0x00, 0x10, 0x19}), (Asked{{25, 10}})) << "an empty domain is ONNX's own";
  EXPECT_EQ(asked({0x42, 0x05, 0x0a, 0x01, 'x', 0x10, 0x63, 0x42, 0x02, 0x10, 0x0d}), (Asked{{13, 10}}))
      << "another domain's version is not ONNX's";
  EXPECT_EQ(asked({0x42, 0x05, 0x0a, 0x01, 'x', 0x10, 0x63}), std::nullopt);
  EXPECT_EQ(asked({}), std::nullopt);
  EXPECT_EQ(asked({0x42, 0x0b, 0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}),
            (Asked{{wire::most_opset, 10}}));
}

TEST(ModelFile, AnOpsetThatIsCutShortIsFoundAtItsOffset) {
  Bytes cut = tiny_onnx;
  cut.back() = 0x80;
  EXPECT_EQ(complaint("onnx", cut),
            "not a model of the format onnx: the file ends inside a number that begins at byte 13");
}

TEST(ModelFile, ATruncatedFileIsFoundAtItsOffset) {
  Bytes cut = tiny_onnx;
  cut.resize(8);
  EXPECT_EQ(complaint("onnx", cut),
            "not a model of the format onnx: a field of 3 bytes where 1 are left, truncated perhaps, at byte 7");
  cut.resize(1);
  EXPECT_EQ(complaint("onnx", cut),
            "not a model of the format onnx: the file ends inside a number that begins at byte 1");
}

TEST(ModelFile, OtherFilesAreNoOnnx) {
  EXPECT_NE(complaint("onnx", {}), "passes");
  const std::string text = "{\"version\": \"1.1\", \"variants\": []}";
  EXPECT_NE(complaint("onnx", Bytes(text.begin(), text.end())), "passes");
  EXPECT_NE(complaint("onnx", {'P', 'K', 3, 4, 20, 0, 0, 0}), "passes");
  EXPECT_EQ(complaint("onnx", {0x08, 0x08}), "not a model of the format onnx: no graph up to the end at byte 2");
}

TEST(ModelFile, TfliteNeedsItsIdentifier) {
  EXPECT_EQ(complaint("tflite", {12, 0, 0, 0, 'T', 'F', 'L', '3', 0, 0, 0, 0, 1, 2, 3, 4, 5}), "passes");
  EXPECT_EQ(complaint("tflite", Bytes(20)), "not a model of the format tflite: no TFL3 at byte 4");
  EXPECT_EQ(complaint("tflite", {99, 0, 0, 0, 'T', 'F', 'L', '3', 0, 0, 0, 0}),
            "not a model of the format tflite: a root table outside the file at byte 0");
}

TEST(ModelFile, FormatsItDoesNotKnowPass) {
  EXPECT_EQ(complaint("gguf", {1, 2, 3}), "passes");
}

TEST(ModelFile, RandomMutationsNeverReadOutside) {
  Rng rng(20260101);
  for (int round = 0; round < 20000; ++round) {
    Bytes file = tiny_onnx;
    for (std::uint64_t flips = 1 + rng.below(4); flips > 0; --flips)
      file[rng.below(file.size())] = static_cast<std::uint8_t>(rng());
    file.resize(rng.below(file.size() + 1));
    (void)check_model_file(rng.chance(0.5) ? "onnx" : "tflite", file);
  }
}

}  // namespace
}  // namespace argosy::wire
