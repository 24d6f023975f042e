#include "examples/digits/images.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

#include "agent/runner/dataset.hpp"
#include "common/base/file.hpp"
#include "tests/unit/agent/runner/npz_writer.hpp"

namespace digits {
namespace {

using argosy::agent::test::TemporaryFile;

const std::string field = std::string(ARGOSY_DIGITS) + "/data/field.npz";

TEST(LoadSamples, ReadsWhatTheRunnerReads) {
  const auto data = *argosy::agent::Dataset::open(field);
  const auto samples = load_samples(field);
  ASSERT_EQ(samples.size(), data.size());
  const auto& pixels = data.samples()->array;
  const auto& labels = data.truths()->array;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    for (std::size_t pixel = 0; pixel < samples[i].image.size(); ++pixel)
      ASSERT_EQ(samples[i].image[pixel], pixels.at(i * samples[i].image.size() + pixel)) << i;
    ASSERT_EQ(samples[i].label, labels.integer_at(i)) << i;
  }
}

TEST(LoadSamples, RefusesEveryTruncationOfItsArrays) {
  const std::string whole = *argosy::read_file(field);
  const std::size_t end_of_labels = whole.find("PK\x01\x02");
  for (std::size_t size = 0; size < end_of_labels; size += 97) {
    const TemporaryFile file(whole.substr(0, size));
    EXPECT_THROW(load_samples(file.path()), std::runtime_error) << size;
  }
}

TEST(LoadSamples, NamesTheFileThatIsMissing) {
  try {
    load_samples("/nowhere.npz");
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "/nowhere.npz: cannot be opened");
  }
}

}  // namespace
}  // namespace digits
