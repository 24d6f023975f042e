#include "examples/digits/features.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/file.hpp"
#include "examples/digits/images.hpp"

namespace digits {
namespace {

std::vector<Image> field_images() {
  std::vector<Image> images;
  for (const Sample& sample : load_samples(std::string(ARGOSY_DIGITS) + "/data/field.npz"))
    images.push_back(sample.image);
  return images;
}

float median(std::vector<float> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2), values.end());
  return values[values.size() / 2];
}
float median_of_feature(const std::vector<Image>& images, std::size_t feature) {
  std::vector<float> values;
  for (const Image& image : images) values.push_back(features_of(image)[feature]);
  return median(values);
}

TEST(Features, OfAnEvenImageAreItsBrightnessAlone) {
  Image image;
  image.fill(4);
  EXPECT_EQ(features_of(image), (std::array<float, 3>{0.25F, 0, 0}));
}

TEST(Features, OfAChequerboardAreAtTheirMost) {
  Image image{};
  for (std::size_t i = 0; i < pixels; ++i) image[i] = (i / side + i % side) % 2 == 0 ? 16 : 0;
  EXPECT_EQ(features_of(image), (std::array<float, 3>{0.5F, 0.5F, 1}));
}

// train.py wrote the reference with its own formulas: the field's medians lie within the reference's middle six tenths.
TEST(Features, AreThoseOfTheReference) {
  const auto reference = nlohmann::json::parse(*argosy::read_file(std::string(ARGOSY_DIGITS) + "/data/reference.json"));
  const auto images = field_images();
  const char* const names[] = {"brightness", "contrast", "sharpness"};
  ASSERT_EQ(reference["features"].size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& feature = reference["features"][i];
    ASSERT_EQ(feature["name"], names[i]);
    ASSERT_EQ(feature["counts"].size(), feature["edges"].size() + 2);
    EXPECT_GT(median_of_feature(images, i), feature["edges"][2].get<float>()) << names[i];
    EXPECT_LT(median_of_feature(images, i), feature["edges"][8].get<float>()) << names[i];
  }
}

TEST(Blurred, AnEvenImageStaysAsItIs) {
  Image image;
  image.fill(4);
  EXPECT_EQ(blurred(image), image);
}

TEST(Blurred, ALoneDotSpreadsOverItsSurroundings) {
  Image image{};
  image[3 * side + 3] = 9;
  const Image spread = blurred(image);
  EXPECT_EQ(spread[3 * side + 3], 1);
  EXPECT_EQ(spread[2 * side + 4], 1);
  EXPECT_EQ(spread[5 * side + 3], 0);
}

TEST(Blurred, LeavesTheReferencesEnvelopeOfSharpness) {
  const auto reference = nlohmann::json::parse(*argosy::read_file(std::string(ARGOSY_DIGITS) + "/data/reference.json"));
  std::vector<Image> images = field_images();
  for (Image& image : images) image = blurred(image);
  EXPECT_LT(median_of_feature(images, 2), reference["features"][2]["edges"][0].get<float>());
}

}  // namespace
}  // namespace digits
