// How a process gives up the network, for itself and for all that it starts. Linux; before the first thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/error.hpp"

namespace argosy::agent {

enum class Network : std::uint8_t {
  own_namespace,  // one of its own, with nothing in it
  filtered,       // no socket but of AF_UNIX can be made
  open,           // neither is permitted here
};
std::string_view to_string(Network network);  // "namespace", "seccomp", "open"

// The first of the two that is permitted. Needs PR_SET_NO_NEW_PRIVS.
Network leave_network();

// Each way by itself. A user namespace comes with the network's where there are no privileges; who the process is in
// it stays the same.
Result<void> enter_empty_network();
Result<void> filter_sockets();  // a system-call filter; EACCES is what callers of socket() get

}  // namespace argosy::agent
