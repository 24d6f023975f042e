// A folder of one test's own, gone at the end.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "common/base/encoding.hpp"
#include "common/base/random.hpp"

namespace argosy::test {

class TemporaryFolder {
 public:
  TemporaryFolder() : path_(std::filesystem::temp_directory_path() / ("argosy-test-" + to_hex(secure_random(6)))) {
    std::filesystem::create_directory(path_);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::filesystem::path write(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << content;
    return path_ / name;
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace argosy::test
