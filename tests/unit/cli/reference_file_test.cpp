#include "cli/reference_file.hpp"

#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/file.hpp"
#include "tests/support/temporary_folder.hpp"

namespace argosy::cli {
namespace {

using nlohmann::json;

class ReferenceFile : public ::testing::Test {
 protected:
  Result<json> read(const std::string& name, const std::string& content) {
    const auto file = folder.path() / name;
    EXPECT_TRUE(write_file_atomically(file, content));
    return read_reference(file);
  }
  std::string refused(const std::string& name, const std::string& content) {
    const auto answer = read(name, content);
    return answer ? "" : answer.error().message.substr((folder.path() / name).string().size() + 2);
  }
  static std::string lines(int count, const std::string& line) {
    std::string text;
    for (int i = 0; i < count; ++i) text += line;
    return text;
  }
  // Of float64.
  static std::string npy(const std::vector<double>& values, const std::string& shape, bool by_columns) {
    std::string header = "{'descr': '<f8', 'fortran_order': " + std::string(by_columns ? "True" : "False") +
                         ", 'shape': " + shape + ", }";
    header.resize(117, ' ');
    header += '\n';
    std::string file("\x93NUMPY\x01\x00\x76\x00", 10);
    file += header;
    const auto at = file.size();
    file.resize(at + values.size() * sizeof(double));
    std::memcpy(file.data() + at, values.data(), values.size() * sizeof(double));
    return file;
  }
  static std::uint64_t samples(const json& feature) {
    std::uint64_t sum = 0;
    for (const auto& count : feature["counts"]) sum += count.get<std::uint64_t>();
    return sum;
  }

  test::TemporaryFolder folder;
};

TEST_F(ReferenceFile, OfCommaSeparatedValuesHasAFeatureForEachColumn) {
  const auto reference = read("sample.csv", "mode,\"level\"\r\n" + lines(40, "0, 1.5\r\n1,\r\n") + "1,nan\n").value();
  ASSERT_EQ(reference["features"].size(), 2u);
  EXPECT_EQ(reference["features"][0]["name"], "mode");
  EXPECT_EQ(reference["features"][1]["name"], "level");
  EXPECT_EQ(samples(reference["features"][1]), 81u);
  EXPECT_EQ(reference["features"][1]["counts"].back(), 41) << "where there was no value";
}

TEST_F(ReferenceFile, OfAnArrayHasAFeatureForEachColumnInEitherOrder) {
  std::vector<double> by_rows, by_columns(200);
  for (int i = 0; i < 100; ++i) {
    by_rows.insert(by_rows.end(), {1, static_cast<double>(i % 2)});
    by_columns[static_cast<std::size_t>(i)] = 1;
    by_columns[static_cast<std::size_t>(100 + i)] = i % 2;
  }
  const auto rows = read("a.npy", npy(by_rows, "(100, 2)", false)).value();
  const auto columns = read("a.npy", npy(by_columns, "(100, 2)", true)).value();
  ASSERT_EQ(rows["features"].size(), 2u);
  EXPECT_EQ(rows, columns);
  EXPECT_EQ(samples(rows["features"][0]), 100u);
}

TEST_F(ReferenceFile, IsRefusedWithWhatIsWrongAndWhatToDo) {
  EXPECT_EQ(refused("a.csv", ""), "holds no feature; give a sample of the values that the model saw");
  EXPECT_EQ(refused("a.csv", "x\n"), "\"x\" has no number in it");
  EXPECT_EQ(refused("a.csv", "x\n" + lines(3, "1\n")), "\"x\" has 3 samples, and needs 30: give a larger sample");
  EXPECT_EQ(refused("a.csv", "1,2\n3,4\n"), "the first line must name the features, but has \"1\"");
  EXPECT_EQ(refused("a.csv", "x,y\n1\n"), "line 2 has 1 values for 2 features");
  EXPECT_EQ(refused("a.csv", "x\n1\nhigh\n"),
            "line 3 has \"high\" for \"x\": give a number, or nothing where there was no value");
  EXPECT_EQ(refused("a.csv", "x y\n1\n"), "\"x y\" is no name for a feature: it must match [A-Za-z0-9_-]{1,64}");
  EXPECT_EQ(refused("a.txt", "1"), "is no .csv, .npz or .npy with a sample, nor .json with counts");
  EXPECT_EQ(refused("a.npy", npy(std::vector<double>(400, 1), "(4, 100)", false)),
            "\"array\" has 100 columns, and a release at most 64 features: give samples by features");
}

}  // namespace
}  // namespace argosy::cli
