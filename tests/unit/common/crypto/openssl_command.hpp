// The openssl command in a private folder: a second opinion on what common/crypto writes, and other people's files for
// it.
#pragma once

#include <cstdio>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/file.hpp"

namespace argosy {

class OpensslCommand {
 public:
  OpensslCommand() {
    std::string pattern = testing::TempDir() + "argosy_openssl_XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) folder_ = pattern;
  }
  ~OpensslCommand() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  OpensslCommand(const OpensslCommand&) = delete;
  OpensslCommand& operator=(const OpensslCommand&) = delete;

  // The path of a new file with this content.
  std::string write(const std::string& name, const std::string& content) {
    const auto path = folder_ / name;
    EXPECT_TRUE(write_file_atomically(path, content));
    return path.string();
  }

  // What "openssl <arguments>" prints, its messages included when it fails.
  std::string run(const std::string& arguments) { return shell(arguments, "2>/dev/null", true); }
  // The same with its messages, whether it fails or not.
  std::string try_run(const std::string& arguments) { return shell(arguments, "2>&1", false); }

 private:
  static std::string shell(const std::string& arguments, const char* redirect, bool must_succeed) {
    FILE* pipe = ::popen(("openssl " + arguments + " " + redirect + " </dev/null").c_str(), "r");
    std::string output;
    char buffer[4096];
    for (std::size_t got = 0; pipe != nullptr && (got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
      output.append(buffer, got);
    const int status = pipe == nullptr ? -1 : ::pclose(pipe);
    EXPECT_TRUE(!must_succeed || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) << "openssl " << arguments;
    return output;
  }

  std::filesystem::path folder_;
};

}  // namespace argosy
