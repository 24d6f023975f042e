// Another program as a child process: with nothing on its standard input, no signal blocked, and one of its outputs on
// our pipe. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "common/base/file.hpp"

namespace argosy {

struct ChildProgram {
  enum class Output : std::uint8_t { standard, errors };
  enum class Group : std::uint8_t {
    own,   // to be killed with all its children: kill(-pid)
    ours,  // Ctrl-C ends it, too
  };

  std::vector<std::string> arguments;                                 // the first is the program's path
  std::vector<std::pair<std::string, std::string>> environment = {};  // besides this program's own
  Output read = Output::standard;
  Group group = Group::own;
};

struct Child {
  pid_t pid = -1;  // the caller waits for it
  UniqueFd output;
};

// The system's error when it cannot be started.
Result<Child> spawn(ChildProgram program);

}  // namespace argosy
