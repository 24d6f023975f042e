#include "agent/runner/dataset.hpp"

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
  ASSERT_EQ(data->values_per_sample(), 2U);
  std::vector<float> sample(2);
  data->sample(1, sample);
  EXPECT_EQ(sample, (std::vector<float>{3, 4}));
  EXPECT_EQ(data->label(1), 9);
  EXPECT_EQ(std::vector(data->sample_shape().begin(), data->sample_shape().end()), (std::vector<std::int64_t>{1, 2}));
}

TEST(Dataset, TruthsAreLabelsOrGoldenOutputsOrAbsent) {
  const TemporaryFile labelled(npz({{"x.npy", two_images}, {"y.npy", two_labels}}));
  EXPECT_EQ(Dataset::open(labelled.path())->truths(), Dataset::Truths::labels);
  const TemporaryFile golden(npz({{"x.npy", two_images}, {"y.npy", npy<double>("<f8", "(2, 2)", {1, 2, 3, 4})}}));
  const auto data = Dataset::open(golden.path());
  ASSERT_EQ(data->truths(), Dataset::Truths::outputs);
  std::vector<float> output(data->values_per_output());
  data->output(1, output);
  EXPECT_EQ(output, (std::vector<float>{3, 4}));
  const TemporaryFile bare(npz({{"x.npy", two_images}}));
  EXPECT_EQ(Dataset::open(bare.path())->truths(), Dataset::Truths::none);
}

TEST(Dataset, IsAlsoReadFromOneArrayAndFromAFolderOfTwo) {
  const TemporaryFile samples(two_images);
  const auto alone = Dataset::open(samples.path());
  ASSERT_TRUE(alone) << alone.error().message;
  EXPECT_EQ(alone->size(), 2U);
  EXPECT_EQ(alone->truths(), Dataset::Truths::none);

  const TemporaryFile name("");
  const std::filesystem::path folder = name.path().string() + ".d";
  std::filesystem::create_directory(folder);
  std::ofstream(folder / "x.npy", std::ios::binary) << two_images;
  EXPECT_EQ(Dataset::open(folder)->truths(), Dataset::Truths::none);
  std::ofstream(folder / "y.npy", std::ios::binary) << two_labels;
  const auto both = Dataset::open(folder);
  ASSERT_TRUE(both) << both.error().message;
  EXPECT_EQ(both->label(1), 9);
  std::filesystem::remove_all(folder);
}

TEST(Dataset, TellsWhereItsSamplesLie) {
  const TemporaryFile file(npz({{"y.npy", two_labels}, {"x.npy", two_images}}));
  const auto data = Dataset::open(file.path());
  std::ifstream bytes(data->samples_on_disk().file, std::ios::binary);
  bytes.seekg(static_cast<std::streamoff>(data->samples_on_disk().offset));
  char values[4];
  bytes.read(values, sizeof values);
  EXPECT_EQ(std::string(values, 4), std::string("\x00\x10\x03\x04", 4));
}

TEST(Dataset, NeedsXAndAYThatFitsIt) {
  const Error no_x = error_of(npz({{"y.npy", two_labels}}));
  EXPECT_TRUE(ends_with(no_x, "array 'x' is missing: the samples")) << no_x.message;
  const Error short_y = error_of(npz({{"x.npy", two_images}, {"y.npy", npy<std::int64_t>("<i8", "(1,)", {7})}}));
  EXPECT_TRUE(ends_with(short_y, "array 'y' is int64 [1] where 'x' has 2 samples")) << short_y.message;
  const Error wide_y = error_of(npz({{"x.npy", two_images}, {"y.npy", npy<std::int64_t>("<i8", "(2, 1)", {7, 8})}}));
  EXPECT_TRUE(ends_with(
      wide_y, "array 'y' is int64 [2,1]: labels are one integer a sample, and golden outputs are float32 or float64"))
      << wide_y.message;
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
