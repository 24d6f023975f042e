// Samples to try a model on, and what is right for them: `x` [N,...], and `y`: labels [N] of integers, or golden
// outputs [N,...] of floats, or nothing. An .npz file with x and y, an .npy file of x alone, or a folder with x.npy and
// y.npy; mapped into memory read-only. Blocking open. Limits: 2 GiB a file, 1,000,000 samples. Move-only; any thread,
// one at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "agent/runner/npy.hpp"
#include "common/base/mapped_file.hpp"

namespace argosy::agent {

// Where the samples lie, for a program that reads them itself.
struct SamplesOnDisk {
  std::filesystem::path file;
  std::size_t offset = 0;
};

class Dataset {
 public:
  enum class Truths : std::uint8_t { none, labels, outputs };

  // Errc::not_found, too_large or io for the file; Errc::corrupt for what is in it.
  static Result<Dataset> open(const std::filesystem::path& path);

  std::size_t size() const { return static_cast<std::size_t>(x_.shape[0]); }
  std::size_t values_per_sample() const { return size() == 0 ? 0 : x_.count() / size(); }
  // The shape of one sample: x's without the first dimension.
  std::span<const std::int64_t> sample_shape() const { return std::span(x_.shape).subspan(1); }
  // Sample `index` by value; `out` holds values_per_sample().
  void sample(std::size_t index, std::span<float> out) const { copy_row(x_, index, out); }
  const NpyArray& x() const { return x_; }
  const SamplesOnDisk& samples_on_disk() const { return on_disk_; }

  Truths truths() const;
  // Where there are labels.
  std::int64_t label(std::size_t index) const { return static_cast<std::int64_t>(y_.at(index)); }
  // Where there are golden outputs: how many values each has, and those of sample `index`.
  std::size_t values_per_output() const { return y_.count() / size(); }
  void output(std::size_t index, std::span<float> out) const { copy_row(y_, index, out); }

  std::string describe() const { return "x " + x_.describe(); }
  std::string describe_truths() const { return y_.describe(); }

 private:
  Dataset() = default;
  Result<void> take(MappedFile file, const std::filesystem::path& path);
  Result<void> take_folder(const std::filesystem::path& folder);
  void take_samples(NpyArray x, const std::filesystem::path& path, ByteView file);
  static void copy_row(const NpyArray& array, std::size_t index, std::span<float> out);

  std::vector<MappedFile> files_;
  SamplesOnDisk on_disk_;
  NpyArray x_, y_;
  bool has_y_ = false;
};

}  // namespace argosy::agent
