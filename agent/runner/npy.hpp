// NumPy's .npy and uncompressed .npz files, read in place: arrays point into the caller's bytes. Pure; any thread.
// Limits: 16 arrays a file, 8 dimensions, little-endian numbers; Errc::corrupt for everything that is not well formed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"

namespace argosy::agent {

enum class NpyType : std::uint8_t { float32, float64, int8, uint8, int32, int64 };

std::string_view name(NpyType type);   // "float32", as NumPy says it
std::size_t size_bytes(NpyType type);  // of one element

struct NpyArray {
  NpyType type = NpyType::float32;
  std::vector<std::int64_t> shape;
  ByteView data;  // exactly the elements, in C order; not aligned

  std::size_t count() const { return data.size() / size_bytes(type); }
  // Element `index` by value; for integers and floats alike.
  double at(std::size_t index) const;
  // "float32 [400,1,8,8]"
  std::string describe() const;
};

struct NpzEntry {
  std::string name;  // without ".npy"
  NpyArray array;
};

// One .npy file: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions 1 to 3.
Result<NpyArray> parse_npy(ByteView bytes);

// A .npz file as numpy.savez writes it: a zip of stored .npy members, found through the zip's central directory.
Result<std::vector<NpzEntry>> parse_npz(ByteView bytes);

}  // namespace argosy::agent
