// NumPy files written by hand: one array, and zips of them.
#pragma once

#include "tests/unit/common/tensors/model_files.hpp"

namespace argosy {

inline Bytes npy_file(std::string_view type, std::string_view shape, ByteView data, std::string_view fortran = "False",
                      int version = 1) {
  std::string header = "{'descr': '" + std::string(type) + "', 'fortran_order': " + std::string(fortran) +
                       ", 'shape': " + std::string(shape) + ", }\n";
  FileWriter file;
  file.text("\x93NUMPY").number(static_cast<std::uint8_t>(version)).number(std::uint8_t{0});
  if (version == 1) file.u16(static_cast<std::uint16_t>(header.size()));
  if (version != 1) file.u32(static_cast<std::uint32_t>(header.size()));
  return file.text(header).bytes(data).done();
}

struct ZipMember {
  std::string name;
  Bytes content;
  std::uint16_t method = 0;
};

// The check sums are left at zero: nothing here reads them.
inline Bytes zip_file(const std::vector<ZipMember>& members, bool is_zip64 = false) {
  constexpr std::uint32_t in_extra = 0xffff'ffff;
  FileWriter file;
  FileWriter directory;
  for (const auto& [name, content, method] : members) {
    const auto name_size = static_cast<std::uint16_t>(name.size());
    const auto size = static_cast<std::uint32_t>(content.size());
    const std::uint32_t shown = is_zip64 ? in_extra : size;
    const std::size_t at = file.size();
    file.u32(0x04034b50)
        .u16(45)
        .u16(0)
        .u16(method)
        .u32(0)
        .u32(0)
        .u32(shown)
        .u32(shown)
        .u16(name_size)
        .u16(4)
        .text(name);
    file.u16(0xcafe).u16(0).bytes(content);  // an extra field of no meaning
    directory.u32(0x02014b50).u16(45).u16(45).u16(0).u16(method).u32(0).u32(0).u32(shown).u32(shown).u16(name_size);
    directory.u16(is_zip64 ? 32 : 4).u16(0).u16(0).u16(0).u32(0);
    directory.u32(is_zip64 ? in_extra : static_cast<std::uint32_t>(at)).text(name).u16(0xcafe).u16(0);
    if (is_zip64) directory.u16(1).u16(24).u64(size).u64(size).u64(at);
  }
  const std::size_t begin = file.size();
  const std::size_t count = members.size();
  file.bytes(directory.done());
  const std::size_t end = file.size();
  if (is_zip64) {
    file.u32(0x06064b50).u64(44).u16(45).u16(45).u32(0).u32(0).u64(count).u64(count).u64(end - begin).u64(begin);
    file.u32(0x07064b50).u32(0).u64(end).u32(1);
  }
  file.u32(0x06054b50).u32(0).u16(static_cast<std::uint16_t>(count)).u16(static_cast<std::uint16_t>(count));
  file.u32(is_zip64 ? in_extra : static_cast<std::uint32_t>(end - begin));
  file.u32(is_zip64 ? in_extra : static_cast<std::uint32_t>(begin)).u16(7).text("comment");
  return file.done();
}

}  // namespace argosy
