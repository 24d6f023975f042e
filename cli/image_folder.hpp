// A folder of PNG and JPEG pictures with labels.csv, as a data set that devices read: one .npz. The first column of
// labels.csv names a file, the second its label; a line "file,label" before them is no picture. argosy.json in the
// folder is the data set's own, and what its "pictures" says is done here: {"layout": "nchw" or "nhwc", "scale":
// 0.00392, "mean": [...], "std": [...]}; without scale, mean or std the pixels stay whole numbers from 0 to 255.
// Blocking; one thread. Limits: 100,000 pictures, all of one size, 2 GiB in all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"

namespace argosy::cli {

struct Picture {
  std::uint32_t width = 0, height = 0, channels = 0;  // 1 or 3
  std::vector<std::uint8_t> pixels;                   // row by row, the channels of a pixel together
};

// PNG or JPEG, by their first bytes. Errc::corrupt for anything else.
Result<Picture> read_picture(ByteView file);

// Errc::not_found without labels.csv or a picture that it names, Errc::invalid_argument for pictures of other sizes.
Result<std::string> npz_of_pictures(const std::filesystem::path& folder);

}  // namespace argosy::cli
