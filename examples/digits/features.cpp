#include "examples/digits/features.hpp"

#include <algorithm>
#include <cmath>

namespace digits {
namespace {

constexpr double white = 16;

double at(const Image& image, std::size_t row, std::size_t column) {
  return image[row * side + column] / white;
}

}  // namespace

std::array<float, 3> features_of(const Image& image) {
  double sum = 0, squares = 0, steps = 0;
  for (std::size_t row = 0; row < side; ++row) {
    for (std::size_t column = 0; column < side; ++column) {
      const double value = at(image, row, column);
      sum += value;
      squares += value * value;
      if (column > 0) steps += std::abs(value - at(image, row, column - 1));
      if (row > 0) steps += std::abs(value - at(image, row - 1, column));
    }
  }
  const double mean = sum / pixels;
  const double deviation = std::sqrt(std::max(0.0, squares / pixels - mean * mean));
  return {static_cast<float>(mean), static_cast<float>(deviation), static_cast<float>(steps / (2 * side * (side - 1)))};
}

Image blurred(const Image& image) {
  Image result{};
  for (std::size_t row = 0; row < side; ++row) {
    for (std::size_t column = 0; column < side; ++column) {
      float sum = 0;
      int count = 0;
      for (std::size_t r = row == 0 ? 0 : row - 1; r <= std::min(row + 1, side - 1); ++r) {
        for (std::size_t c = column == 0 ? 0 : column - 1; c <= std::min(column + 1, side - 1); ++c) {
          sum += image[r * side + c];
          ++count;
        }
      }
      result[row * side + column] = sum / static_cast<float>(count);
    }
  }
  return result;
}

}  // namespace digits
