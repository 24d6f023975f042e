#include "cli/release_document.hpp"

#include <gtest/gtest.h>

#include "common/base/file.hpp"
#include "tests/support/temporary_folder.hpp"

namespace argosy::cli {
namespace {

struct Documents {
  test::TemporaryFolder folder;
  std::vector<std::string> uploaded;

  Result<nlohmann::json> read(const std::string& text) {
    const auto file = folder.path() / "release.json";
    EXPECT_TRUE(write_file_atomically(file, text));
    return read_release_document(file, [this](const std::filesystem::path& path) -> Result<std::string> {
      uploaded.push_back(path.filename().string());
      return std::string(64, 'd');
    });
  }
};

TEST(ReleaseDocument, UploadsWhatItNames) {
  Documents documents;
  ASSERT_TRUE(write_file_atomically(documents.folder.path() / "reference.json", R"({"features": []})"));
  const auto document = documents.read(
      R"({"model": "a", "version": "1", "variants": [{"name": "d", "file": "a.onnx"}, {"name": "e", "digest": "x"}],
          "validation": {"dataset": "set.npz"}, "reference": "reference.json", "newer": [1]})");
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(documents.uploaded, (std::vector<std::string>{"a.onnx", "set.npz"}));
  EXPECT_EQ((*document)["variants"][0], (nlohmann::json{{"name", "d"}, {"digest", std::string(64, 'd')}}));
  EXPECT_EQ((*document)["variants"][1]["digest"], "x");
  EXPECT_EQ((*document)["validation"]["dataset"], std::string(64, 'd'));
  EXPECT_EQ((*document)["reference"], (nlohmann::json{{"features", nlohmann::json::array()}}));
}

TEST(ReleaseDocument, UploadsThePartsOfAVariant) {
  Documents documents;
  ASSERT_TRUE(write_file_atomically(documents.folder.path() / "labels.txt", "cat"));
  const auto document = documents.read(
      R"({"model": "a", "version": "1", "variants": [{"name": "d", "file": "a.onnx", "parts": [
          {"name": "names.txt", "file": "labels.txt"}, {"name": "there.json", "digest": "x"}, {"file": "labels.txt"}]}]})");
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(documents.uploaded, (std::vector<std::string>{"a.onnx", "labels.txt", "labels.txt"}));
  const std::string digest(64, 'd');
  EXPECT_EQ((*document)["variants"][0]["parts"], nlohmann::json::array({{{"name", "there.json"}, {"digest", "x"}},
                                                                        {{"name", "labels.txt"}, {"digest", digest}},
                                                                        {{"name", "names.txt"}, {"digest", digest}}}));
}

// It ended the program.
TEST(ReleaseDocument, TakesNullForAbsent) {
  Documents documents;
  const auto document = documents.read(
      R"({"model": "a", "version": "1", "variants": null, "validation": {"dataset": null, "metric": "none"}})");
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_TRUE(documents.uploaded.empty());
  EXPECT_EQ((*document)["validation"], (nlohmann::json{{"metric", "none"}}));
}

TEST(ReleaseDocument, NamesTheFieldThatIsWrong) {
  const std::pair<const char*, const char*> table[] = {
      {R"([])", "is not a JSON object"},
      {R"({"version": "1"})", "field 'model' is missing"},
      {R"({"model": 3, "version": "1"})", "field 'model' must be text"},
      {R"({"model": "a", "version": "1", "variants": [{"file": 3}]})", "field 'variants[0].file' must be text"},
      {R"({"model": "a", "version": "1", "variants": {"file": "x"}})", "field 'variants' must be an array of objects"},
      {R"({"model": "a", "version": "1", "variants": ["x"]})", "field 'variants[0]' must be an object"},
      {R"({"model": "a", "version": "1", "validation": {"dataset": {}}})", "field 'validation.dataset' must be text"},
      {R"({"model": "a", "version": "1", "validation": []})", "field 'validation' must be an object"},
      {R"({"model": "a", "version": "1", "reference": 3})", "field 'reference' must be an object"},
      {R"({"model": "a", "version": "1", "model": "b"})", "comes twice"}};
  for (const auto& [text, message] : table) {
    Documents documents;
    const auto document = documents.read(text);
    ASSERT_FALSE(document) << text;
    EXPECT_NE(document.error().message.find(message), std::string::npos) << document.error().message;
    EXPECT_TRUE(documents.uploaded.empty());
  }
}

}  // namespace
}  // namespace argosy::cli
