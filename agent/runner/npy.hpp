// NumPy's .npy and .npz files. What lies in a file as it is needed is read in place: such arrays point into the
// caller's bytes. What is compressed, in Fortran order or big-endian is unpacked into memory that the array owns. Pure;
// any thread. Limits: 64 arrays a file, 8 dimensions, 2 GiB unpacked; Errc::corrupt for what is not well formed,
// Errc::too_large for what there is no memory for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"

namespace argosy::agent {

enum class NpyType : std::uint8_t {
  boolean,
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
  float16,
  float32,
  float64,
  bytes,  // texts of a fixed width: numpy's S
  text,   // its U
};

std::string_view name(NpyType type);  // "float32", as NumPy says it
bool is_floating(NpyType type);
bool is_text(NpyType type);

struct NpyArray {
  NpyType type = NpyType::float32;
  std::vector<std::int64_t> shape;
  ByteView data;          // exactly the elements, in C order, little-endian; not aligned
  std::size_t width = 4;  // bytes of an element
  std::shared_ptr<const std::vector<std::uint8_t>> owned = nullptr;  // what `data` points into, if not into the file

  std::size_t count() const { return width == 0 ? 0 : data.size() / width; }
  std::size_t rows() const { return shape.empty() ? 1 : static_cast<std::size_t>(shape[0]); }
  std::size_t values_per_row() const { return rows() == 0 ? 0 : count() / rows(); }
  // Element `index` by value; 0 of a text.
  double at(std::size_t index) const;
  // Of integers, where a double would lose digits; floats are cut.
  std::int64_t integer_at(std::size_t index) const;
  // UTF-8; integers as they are written.
  std::string text_at(std::size_t index) const;
  // "float32 [400,1,8,8]"
  std::string describe() const;
};

// "[400,1,8,8]"; -1 becomes a question mark.
std::string describe_shape(const std::vector<std::int64_t>& shape);

struct NpzEntry {
  std::string name;  // without ".npy"
  NpyArray array;
};

// One .npy file: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions 1 to 3.
Result<NpyArray> parse_npy(ByteView bytes);

// A .npz file as numpy.savez and savez_compressed write it: a zip of .npy members, stored or deflated, found through
// the zip's central directory; what its checksum does not fit is refused. A member argosy.json comes as one text.
Result<std::vector<NpzEntry>> parse_npz(ByteView bytes);

inline constexpr std::string_view settings_member = "argosy.json";

}  // namespace argosy::agent
