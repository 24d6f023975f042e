// /proc, /sys and /run of a board that we make up: a table of paths and what they hold, in a folder of its own.
#pragma once

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "agent/telemetry/health_sampler.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent::test {

using Tree = std::vector<std::pair<std::string, std::string>>;

class FakeBoard {
 public:
  FakeBoard() {
    for (const char* folder : {"proc/net", "proc/self", "sys/class/thermal"})
      std::filesystem::create_directories(folder_ / folder);
  }
  explicit FakeBoard(const Tree& tree) : FakeBoard() {
    for (const auto& [path, content] : tree) put(path, content);
  }

  // As the files below `tree` have it.
  explicit FakeBoard(const std::filesystem::path& tree) : FakeBoard() {
    using Options = std::filesystem::copy_options;
    std::filesystem::copy(tree, folder_.path(),
                          Options::recursive | Options::copy_symlinks | Options::overwrite_existing);
  }

  // A content that begins with "-> " makes a link below the board's root.
  void put(const std::string& path, const std::string& content) {
    std::filesystem::create_directories((folder_ / path).parent_path());
    if (content.starts_with("-> "))
      std::filesystem::create_symlink(folder_ / content.substr(3), folder_ / path);
    else
      std::ofstream(folder_ / path) << content;
  }
  void take_away(const std::string& path) { std::filesystem::remove_all(folder_ / path); }

  // The block device that holds the models, which here is where the board's folder really lies.
  void keep_models_on(const std::string& block_device) {
    struct stat info {};
    ASSERT_EQ(::stat(folder_.path().c_str(), &info), 0);
    const std::string number = std::to_string(major(info.st_dev)) + ":" + std::to_string(minor(info.st_dev));
    put("sys/dev/block/" + number, "-> " + block_device);
  }

  HealthSampler sampler(std::optional<bool> kernel_clock = std::nullopt, const std::string& nvml = {}) const {
    return HealthSampler({folder_.path(), folder_ / "proc", folder_ / "sys", folder_ / "run",
                          [kernel_clock] { return kernel_clock; }, nvml, std::chrono::minutes(1)});
  }

 private:
  TempFolder folder_;
};

}  // namespace argosy::agent::test
