// Writes .npy and .npz bytes as numpy.savez does, so that a test can say what is in a data set and break it anywhere.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <unistd.h>
#include <zlib.h>

namespace argosy::agent::test {

template <class T>
void append(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

inline std::string npy_with_header(const std::string& header, const std::string& data) {
  std::string out("\x93NUMPY\x01\x00", 8);
  append(out, static_cast<std::uint16_t>(header.size()));
  return out + header + data;
}

// `shape` as Python writes it: "(3, 2)".
template <class T>
std::string npy(const std::string& descr, const std::string& shape, const std::vector<T>& values) {
  const std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
  return npy_with_header(header, std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)));
}

struct ZipMember {
  std::string name, data;
  std::uint16_t method = 0, flags = 0;
};

inline std::string npz(const std::vector<ZipMember>& members) {
  std::string out, directory;
  for (const ZipMember& member : members) {
    const auto offset = static_cast<std::uint32_t>(out.size()), size = static_cast<std::uint32_t>(member.data.size());
    const auto name_size = static_cast<std::uint16_t>(member.name.size());
    append<std::uint32_t>(out, 0x04034b50);
    out.append(22, '\0');
    append(out, name_size);
    append<std::uint16_t>(out, 0);
    out += member.name + member.data;
    append<std::uint32_t>(directory, 0x02014b50);
    directory.append(4, '\0');
    append(directory, member.flags);
    append(directory, member.method);
    directory.append(4, '\0');
    append(directory, static_cast<std::uint32_t>(
                          ::crc32_z(0, reinterpret_cast<const Bytef*>(member.data.data()), member.data.size())));
    append(directory, size);
    append(directory, size);
    append(directory, name_size);
    directory.append(12, '\0');
    append(directory, offset);
    directory += member.name;
  }
  const auto start = static_cast<std::uint32_t>(out.size());
  out += directory;
  append<std::uint32_t>(out, 0x06054b50);
  out.append(4, '\0');
  append(out, static_cast<std::uint16_t>(members.size()));
  append(out, static_cast<std::uint16_t>(members.size()));
  append(out, static_cast<std::uint32_t>(directory.size()));
  append(out, start);
  append<std::uint16_t>(out, 0);
  return out;
}

// A data set for the fixtures, whose scores are the four values themselves: two samples, both labels right.
inline std::string four_values() {
  return npz({{"x.npy", npy<float>("<f4", "(2, 4)", {0, 9, 1, 2, 3, 2, 100, 1})},
              {"y.npy", npy<std::int64_t>("<i8", "(2,)", {1, 2})}});
}

// A file that goes away with the test.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content) {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("argosy-runner-test-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace argosy::agent::test
