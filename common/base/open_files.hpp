// How many files this process may have open: each connection is one.
#pragma once

#include <cstdint>

namespace argosy {

// Lets it open `wanted`, or as many as the hard limit allows; how many these are. Never fewer than before.
std::uint64_t allow_open_files(std::uint64_t wanted);

}  // namespace argosy
