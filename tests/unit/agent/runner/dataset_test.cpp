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

TEST(Dataset, NeedsXAndYOfOneLength) {
  const Error no_y = error_of(npz({{"x.npy", two_images}}));
  EXPECT_TRUE(ends_with(no_y, "array 'y' is missing: x and y are needed")) << no_y.message;
  const Error short_y = error_of(npz({{"x.npy", two_images}, {"y.npy", npy<std::int64_t>("<i8", "(1,)", {7})}}));
  EXPECT_TRUE(ends_with(short_y, "array 'y' is int64 [1] where 'x' has 2 samples")) << short_y.message;
  const Error float_y = error_of(npz({{"x.npy", two_images}, {"y.npy", npy<float>("<f4", "(2,)", {7, 8})}}));
  EXPECT_TRUE(ends_with(float_y, "array 'y' holds float32: labels are integers")) << float_y.message;
}

TEST(Dataset, NeedsASample) {
  const Error none =
      error_of(npz({{"x.npy", npy<float>("<f4", "(0, 4)", {})}, {"y.npy", npy<std::int64_t>("<i8", "(0,)", {})}}));
  EXPECT_TRUE(ends_with(none, "array 'x' has no samples: float32 [0,4]")) << none.message;
}

TEST(Dataset, NamesTheFileThatIsMissingOrEmpty) {
  EXPECT_EQ(Dataset::open("/nowhere/x.npz").error().code, Errc::not_found);
  EXPECT_EQ(error_of("").code, Errc::corrupt);
  EXPECT_EQ(Dataset::open("/").error().message, "/ is not a regular file");
}

}  // namespace
}  // namespace argosy::agent
