#include "cli/release_parts.hpp"

#include <gtest/gtest.h>

#include "common/base/file.hpp"
#include "tests/support/temporary_folder.hpp"

namespace argosy::cli {
namespace {

namespace fs = std::filesystem;

std::string field(int tag, const std::string& bytes) {
  return std::string{static_cast<char>(tag << 3 | 2), static_cast<char>(bytes.size())} + bytes;
}

std::string number(int tag, int value) {
  return {static_cast<char>(tag << 3), static_cast<char>(value)};
}

std::string entry(const std::string& key, const std::string& value) {
  return field(13, field(1, key) + field(2, value));
}

// A model with one float tensor of 32 numbers in another file.
std::string model_with_data_in(const std::string& location) {
  const std::string tensor = number(1, 32) + number(2, 1) + field(8, "w") + entry("location", location) +
                             entry("offset", "64") + entry("length", "128") + number(14, 1);
  return number(1, 8) + field(7, field(5, tensor));
}

struct Export {
  test::TemporaryFolder folder;
  fs::path model = fs::path(folder.path()) / "model.onnx";

  explicit Export(const std::string& location) { put("model.onnx", model_with_data_in(location)); }
  void put(const std::string& name, const std::string& content) const {
    EXPECT_TRUE(write_file_atomically(at(name), content));
  }
  fs::path at(const std::string& name) const { return fs::path(folder.path()) / name; }
  Result<std::vector<PartFile>> parts(std::vector<PartFile> given = {}) const {
    return parts_beside(model, "onnx", std::move(given));
  }
};

TEST(ReleaseParts, ExternalDataComeByThemselvesBesideWhatIsNamed) {
  const Export made("model.onnx.data");
  made.put("model.onnx.data", std::string(192, 'w'));
  made.put("labels.txt", "cat");
  EXPECT_EQ(
      made.parts({{"names.txt", made.at("labels.txt")}}).value(),
      (std::vector<PartFile>{{"model.onnx.data", made.at("model.onnx.data")}, {"names.txt", made.at("labels.txt")}}));
}

TEST(ReleaseParts, NothingElseLiesInThePlaceOfExternalData) {
  const Export made("model.onnx.data");
  made.put("model.onnx.data", std::string(192, 'w'));
  made.put("weights.bin", std::string(192, 'v'));
  EXPECT_EQ(made.parts({{"model.onnx.data", made.at("model.onnx.data")}})->size(), 1U);
  EXPECT_NE(made.parts({{"model.onnx.data", made.at("weights.bin")}}).error().message.find("is to lie in its place"),
            std::string::npos);
}

TEST(ReleaseParts, WhatTheModelNeedsAndIsNotThereIsNamed) {
  const auto refused = Export("model.onnx.data").parts();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::not_found);
  EXPECT_NE(refused.error().message.find("keeps weights in model.onnx.data, and there is no"), std::string::npos)
      << refused.error().message;
}

TEST(ReleaseParts, DataThatEndBeforeTheTensorAreOfAnotherExport) {
  const Export made("model.onnx.data");
  made.put("model.onnx.data", std::string(191, 'w'));
  EXPECT_NE(made.parts().error().message.find("are not of one export"), std::string::npos);
}

TEST(ReleaseParts, DataThatCannotLieBesideTheModelAreRefused) {
  for (const char* location : {"../model.data", "weights/model.data", "/etc/passwd", ""}) {
    const auto refused = Export(location).parts();
    ASSERT_FALSE(refused) << location;
    EXPECT_NE(refused.error().message.find("argosy release pack"), std::string::npos);
  }
}

TEST(ReleaseParts, NamesThatDevicesRefuseAreRefusedHere) {
  const Export made("model.onnx.data");
  made.put("model.onnx.data", std::string(192, 'w'));
  const fs::path file = made.at("model.onnx.data");
  EXPECT_FALSE(made.parts({{"release.json", file}}));
  EXPECT_FALSE(made.parts({{"a.txt", file}, {"A.txt", file}}));
  EXPECT_FALSE(made.parts(std::vector<PartFile>(40, {"a.txt", file})));
}

TEST(ReleaseParts, AreWrittenWithOrWithoutVariantAndName) {
  EXPECT_EQ(parse_part("out/labels.txt")->part, (PartFile{"labels.txt", "out/labels.txt"}));
  EXPECT_EQ(parse_part("names.txt=out/labels.txt")->part, (PartFile{"names.txt", "out/labels.txt"}));
  EXPECT_EQ(parse_part("names.txt=C:/labels.txt")->part, (PartFile{"names.txt", "C:/labels.txt"}));
  const auto named = parse_part("int8:names.txt=out/labels.txt").value();
  EXPECT_EQ(named.variant, "int8");
  EXPECT_EQ(named.part, (PartFile{"names.txt", "out/labels.txt"}));
  for (const char* text : {"", "=", "labels.txt=", "=out/labels.txt", "int8:="}) EXPECT_FALSE(parse_part(text)) << text;
}

}  // namespace
}  // namespace argosy::cli
