// The drift features of an 8x8 image, values 0..16, as README.md defines them; train.py computes the same for the
// reference. Pure.
#pragma once

#include <array>
#include <span>

namespace digits {

constexpr std::size_t side = 8, pixels = side * side;
using Image = std::array<float, pixels>;

// brightness, contrast, sharpness: the order of data/reference.json.
std::array<float, 3> features_of(const Image& image);

// A dirty lens: each pixel becomes the mean of its 3x3 surroundings inside the image.
Image blurred(const Image& image);

}  // namespace digits
