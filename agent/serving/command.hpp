// One shell command with its end, for adapters that tell the inference program by a command. Blocking; any thread.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "common/base/error.hpp"

namespace argosy::agent {

struct Command {
  static constexpr std::size_t words_limit = 500;  // bytes of what it says that an error repeats

  std::string name;  // in errors: "the reload command"
  std::string text;  // run by /bin/sh in a process group of its own, killed with all its children when time is over
  std::vector<std::pair<std::string, std::string>> environment;  // besides this program's own
  std::chrono::seconds time_limit{30};
};

// Success is exit code 0. Else Errc::unavailable with the code and the last it wrote to standard error; Errc::timeout.
Result<void> run_command(const Command& command);

}  // namespace argosy::agent
