// The images of field.npz and their labels, read whole. Start-up only.
#pragma once

#include <filesystem>
#include <vector>

#include "examples/digits/features.hpp"

namespace digits {

struct Sample {
  Image image;
  int label;
};

// The arrays x (uint8 [N,1,8,8]) and y (int64 [N]) as numpy.savez stores them, and no other kind of file.
// Throws std::runtime_error with the path.
std::vector<Sample> load_samples(const std::filesystem::path& file);

}  // namespace digits
