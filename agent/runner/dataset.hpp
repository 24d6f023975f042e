// Samples to try a model on, and what is right for them: arrays of N rows each, of an .npz file, of an .npy file (the
// samples alone) or of the .npy files of a folder. The samples are `x` and the truths `y`, or what people call them
// (x_test, images, arr_0; y_test, labels, arr_1), or the arrays that the settings name; several inputs of a model are
// arrays of their names. Mapped into memory read-only. Blocking open. Limits: 2 GiB a file, 1,000,000 samples.
// Move-only; any thread, one at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "agent/runner/dataset_settings.hpp"
#include "agent/runner/npy.hpp"
#include "agent/runner/sampling.hpp"
#include "common/base/mapped_file.hpp"

namespace argosy::agent {

// Where an array lies, for a program that reads it itself.
struct PlaceOnDisk {
  std::filesystem::path file;
  std::size_t offset = 0;
};

class Dataset {
 public:
  // Errc::not_found, too_large or io for the file; Errc::corrupt for what is in it.
  static Result<Dataset> open(const std::filesystem::path& path);

  std::size_t size() const { return size_; }
  const std::vector<NpzEntry>& arrays() const { return arrays_; }
  const NpyArray* array(std::string_view name) const;
  const DatasetSettings& settings() const { return settings_; }

  // The samples of a model with one input; null where no array is known as that.
  const NpzEntry* samples() const { return entry(x_); }
  // What is right; null where there is nothing.
  const NpzEntry* truths() const { return entry(y_); }
  bool is_truth(const NpzEntry& each) const { return &each == truths(); }

  // Nothing for an array that lies in no file as it is needed: it was unpacked.
  std::optional<PlaceOnDisk> place_of(const NpzEntry& array) const;

  // "x float32 [400,1,8,8]", or all arrays where there is no one array of samples.
  std::string describe() const;
  // "array 'y' int64 [400]"
  std::string describe_truths() const;

  // What is odd about the samples, a sentence each; looked for until the deadline.
  std::vector<std::string> notes(const Deadline& deadline = {}) const;

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  struct Source {
    MappedFile file;
    std::filesystem::path path;
  };

  Dataset() = default;
  Result<void> take(const std::filesystem::path& path);
  Result<void> take_folder(const std::filesystem::path& folder);
  Result<void> take_settings();
  Result<void> find_roles();
  Result<void> check();
  const NpzEntry* entry(std::size_t index) const { return index == none ? nullptr : &arrays_[index]; }
  std::size_t find(std::string_view name) const;
  std::size_t find_any(std::span<const std::string_view> names) const;

  std::vector<Source> sources_;
  std::vector<NpzEntry> arrays_;
  DatasetSettings settings_;
  std::size_t x_ = none, y_ = none, size_ = 0;
};

}  // namespace argosy::agent
