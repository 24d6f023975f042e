// How a process gives up what it may do to files and to other processes, for itself and for all that it starts. Linux;
// before the first thread. Needs PR_SET_NO_NEW_PRIVS.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace argosy::agent {

enum class Box : std::uint8_t {
  landlock,  // only what is named can be read, and nothing written; no signal leaves it where the kernel knows how
  own_user,  // a user that nothing belongs to
  open,      // neither is permitted here
};
std::string_view to_string(Box box);  // "landlock", "user", "open"

// The first of the two that is permitted; without privileges afterwards. `readable`: what is read beside the system's
// programs and libraries, each a file or a folder with all in it.
Box enter_box(const std::vector<std::filesystem::path>& readable);

// Each part by itself.
Result<void> enter_landlock(const std::vector<std::filesystem::path>& readable);
Result<void> become_nobody();      // permitted to root
Result<void> drop_capabilities();  // all of them, for good
// A system-call filter: neither the parent nor a stranger by group can be sent a signal, no process can be traced or
// read. EACCES is what callers get.
Result<void> filter_processes();

}  // namespace argosy::agent
