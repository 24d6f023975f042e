// A labelled data set: arrays `x` [N,...] and `y` [N] of an .npz file, mapped into memory read-only. Blocking open.
// Limits: 2 GiB a file, 1,000,000 samples. Move-only; any thread, one at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "agent/runner/npy.hpp"
#include "common/base/mapped_file.hpp"

namespace argosy::agent {

class Dataset {
 public:
  // Errc::not_found, too_large or io for the file; Errc::corrupt for what is in it.
  static Result<Dataset> open(const std::filesystem::path& path);

  std::size_t size() const { return static_cast<std::size_t>(x_.shape[0]); }
  std::size_t values_per_sample() const { return size() == 0 ? 0 : x_.count() / size(); }
  // The shape of one sample: x's without the first dimension.
  std::span<const std::int64_t> sample_shape() const { return std::span(x_.shape).subspan(1); }
  // Sample `index` by value; `out` holds values_per_sample().
  void sample(std::size_t index, std::span<float> out) const;
  std::int64_t label(std::size_t index) const { return static_cast<std::int64_t>(y_.at(index)); }
  std::string describe() const { return "x " + x_.describe(); }

 private:
  Dataset(MappedFile file, NpyArray x, NpyArray y) : file_(std::move(file)), x_(std::move(x)), y_(std::move(y)) {}

  MappedFile file_;
  NpyArray x_, y_;
};

}  // namespace argosy::agent
