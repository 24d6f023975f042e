#include "agent/runner/dataset.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "tests/unit/agent/runner/npz_writer.hpp"

namespace argosy::agent {
namespace {

using test::npy;
using test::npz;
using test::TemporaryFile;

const std::string two_images = npy<std::uint8_t>("|u1", "(2, 1, 2)", {0, 16, 3, 4});
const std::string two_labels = npy<std::int64_t>("<i8", "(2,)", {7, 9});

Error error_of(const std::string& content) {
  const TemporaryFile file(content);
  auto data = Dataset::open(file.path());
  EXPECT_FALSE(data);
  return data ? Error{} : data.error();
}
bool ends_with(const Error& error, std::string_view text) {
  return error.message.ends_with(text);
}

TEST(Dataset, GivesSamplesByValueAndLabels) {
  const TemporaryFile file(npz({{"x.npy", two_images}, {"y.npy", two_labels}}));
  const auto data = Dataset::open(file.path());
  ASSERT_TRUE(data) << data.error().message;
  ASSERT_EQ(data->size(), 2U);
  EXPECT_EQ(data->samples()->array.values_per_row(), 2U);
  EXPECT_EQ(data->samples()->array.at(3), 4);
  EXPECT_EQ(data->truths()->array.integer_at(1), 9);
  EXPECT_EQ(data->describe(), "x uint8 [2,1,2]");
}

TEST(Dataset, KnowsWhatPeopleCallSamplesAndTruths) {
  for (const auto& [x, y] : {std::pair{"x_test", "y_test"}, {"arr_0", "arr_1"}, {"X", "Y"}, {"images", "labels"}}) {
    const std::string samples = std::string(x) + ".npy", truths = std::string(y) + ".npy";
    const TemporaryFile file(npz({{truths, two_labels}, {samples, two_images}}));
    const auto data = Dataset::open(file.path());
    ASSERT_TRUE(data) << data.error().message;
    EXPECT_EQ(data->samples()->name, x);
    EXPECT_EQ(data->truths()->name, y);
  }
  const TemporaryFile bare(npz({{"x.npy", two_images}}));
  EXPECT_EQ(Dataset::open(bare.path())->truths(), nullptr);
}

TEST(Dataset, SettingsNameWhatNothingElseSays) {
  const std::string settings = R"({"inputs": {"image": "pictures"}, "truth": "species", "classes": ["cat", "dog"]})";
  const TemporaryFile file(npz({{"pictures.npy", two_images}, {"species.npy", two_labels}, {"argosy.json", settings}}));
  const auto data = Dataset::open(file.path());
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(data->samples()->name, "pictures");
  EXPECT_EQ(data->truths()->name, "species");
  EXPECT_EQ(data->settings().classes.size(), 2U);
  const TemporaryFile array(npz(
      {{"x.npy", two_images},
       {"argosy.npy",
        npy<char>("|S16", "()", {'{', '"', 't', 'h', 'r', 'e', 's', 'h', 'o', 'l', 'd', '"', ':', '2', '}', ' '})}}));
  EXPECT_EQ(Dataset::open(array.path())->settings().threshold, 2.0);
  const Error wrong = error_of(npz({{"x.npy", two_images}, {"argosy.json", R"({"truths": "y"})"}}));
  EXPECT_EQ(wrong.code, Errc::corrupt);
  EXPECT_TRUE(wrong.message.find("truths") != std::string::npos) << wrong.message;
  const Error missing = error_of(npz({{"x.npy", two_images}, {"argosy.json", R"({"truth": "z"})"}}));
  EXPECT_TRUE(ends_with(missing, "array 'z' is missing, which its argosy.json names as the truth")) << missing.message;
}

TEST(Dataset, SaysWhenSamplesHoldNaN) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const TemporaryFile file(npz({{"x.npy", npy<float>("<f4", "(3, 2)", {1, nan, nan, nan, 1, 2})}}));
  const auto data = Dataset::open(file.path());
  ASSERT_EQ(data->notes().size(), 1U);
  EXPECT_TRUE(data->notes()[0].starts_with("array 'x' holds NaN in 2 of 3 samples")) << data->notes()[0];
}

TEST(Dataset, IsAlsoReadFromOneArrayAndFromAFolder) {
  const TemporaryFile samples(two_images);
  const auto alone = Dataset::open(samples.path());
  ASSERT_TRUE(alone) << alone.error().message;
  EXPECT_EQ(alone->size(), 2U);
  EXPECT_EQ(alone->truths(), nullptr);

  const TemporaryFile name("");
  const std::filesystem::path folder = name.path().string() + ".d";
  std::filesystem::create_directory(folder);
  std::ofstream(folder / "x.npy", std::ios::binary) << two_images;
  EXPECT_EQ(Dataset::open(folder)->truths(), nullptr);
  std::ofstream(folder / "y.npy", std::ios::binary) << two_labels;
  const auto both = Dataset::open(folder);
  ASSERT_TRUE(both) << both.error().message;
  EXPECT_EQ(both->truths()->array.integer_at(1), 9);
  std::filesystem::remove_all(folder);
}

TEST(Dataset, TellsWhereItsSamplesLie) {
  const TemporaryFile file(npz({{"y.npy", two_labels}, {"x.npy", two_images}}));
  const auto data = Dataset::open(file.path());
  const auto place = data->place_of(*data->samples());
  ASSERT_TRUE(place);
  std::ifstream bytes(place->file, std::ios::binary);
  bytes.seekg(static_cast<std::streamoff>(place->offset));
  char values[4];
  bytes.read(values, sizeof values);
  EXPECT_EQ(std::string(values, 4), std::string("\x00\x10\x03\x04", 4));
}

TEST(Dataset, NeedsXAndAYThatFitsIt) {
  const Error no_x = error_of(npz({{"y.npy", two_labels}}));
  EXPECT_TRUE(ends_with(no_x, "array 'x' is missing: the samples")) << no_x.message;
  const Error short_y = error_of(npz({{"x.npy", two_images}, {"y.npy", npy<std::int64_t>("<i8", "(1,)", {7})}}));
  EXPECT_TRUE(ends_with(short_y, "array 'y' is int64 [1] where 'x' has 2 samples")) << short_y.message;
}

TEST(Dataset, NeedsASample) {
  const Error none =
      error_of(npz({{"x.npy", npy<float>("<f4", "(0, 4)", {})}, {"y.npy", npy<std::int64_t>("<i8", "(0,)", {})}}));
  EXPECT_TRUE(ends_with(none, "array 'x' has no samples: float32 [0,4]")) << none.message;
}

TEST(Dataset, NamesTheFileThatIsMissingOrEmpty) {
  EXPECT_EQ(Dataset::open("/nowhere/x.npz").error().code, Errc::not_found);
  EXPECT_EQ(error_of("").code, Errc::corrupt);
  EXPECT_EQ(Dataset::open("/").error().code, Errc::not_found);
  EXPECT_EQ(Dataset::open("/dev/null").error().message, "/dev/null is not a regular file");
}

}  // namespace
}  // namespace argosy::agent
