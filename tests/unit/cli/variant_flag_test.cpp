#include "cli/variant_flag.hpp"

#include <set>

#include <gtest/gtest.h>

namespace argosy::cli {
namespace {

Result<VariantFlag> parse(const std::string& text, const std::set<std::string>& files) {
  return parse_variant_flag(text, [&](const std::filesystem::path& path) { return files.contains(path.string()); });
}

TEST(VariantFlag, HasANameAFileAndSelectors) {
  const auto variant = parse("fp32=a/model.onnx,precision=fp32,accelerator=cpu", {"a/model.onnx"});
  ASSERT_TRUE(variant) << variant.error().message;
  EXPECT_EQ(variant->name, "fp32");
  EXPECT_EQ(variant->file, "a/model.onnx");
  EXPECT_EQ(variant->selector.accelerator, "cpu");
  EXPECT_EQ(variant->selector.precision, "fp32");
  EXPECT_EQ(parse("model.onnx", {})->name, "default");
}

TEST(VariantFlag, AFileThatIsThereWinsOverAName) {
  for (const char* file : {"runs/epoch=6.onnx", "epoch=6.onnx", "a,b=c.onnx"}) {
    const auto variant = parse(std::string(file) + ",precision=fp32", {file});
    ASSERT_TRUE(variant) << variant.error().message;
    EXPECT_EQ(variant->file, file);
    EXPECT_EQ(variant->name, "default");
    EXPECT_EQ(variant->selector.precision, "fp32");
  }
  EXPECT_EQ(parse("int8=runs/epoch=6.onnx", {"runs/epoch=6.onnx"})->file, "runs/epoch=6.onnx");
}

TEST(VariantFlag, SaysWhatItTakesForANameThatIsNone) {
  EXPECT_EQ(
      parse("runs/epoch=6.onnx", {}).error().message,
      "there is no file \"runs/epoch=6.onnx\", and \"runs/epoch\" is no name of a variant, which may hold letters, "
      "digits, - and _: write [NAME=]FILE, for example fp32=runs/epoch=6.onnx");
  const auto wrong = parse("model.onnx,fast", {});
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("fast"), std::string::npos) << wrong.error().message;
}

}  // namespace
}  // namespace argosy::cli
