// How a process gives up the network, for itself and for all that it starts. Linux; before the first thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/error.hpp"

namespace argosy::agent {

enum class Network : std::uint8_t {
  own_namespace,  // one of its own, with nothing in it
  filtered,       // no socket can be made
  open,           // neither is permitted here
};
std::string_view to_string(Network network);  // "namespace", "seccomp", "open"

// Both where both are permitted, and then says the first. Needs PR_SET_NO_NEW_PRIVS.
Network leave_network();

// Each way by itself. A user namespace comes with the network's where there are no privileges; who the process is in
// it stays the same.
Result<void> enter_empty_network();
// A system-call filter: EACCES is what callers of socket() get, for local sockets, too, which files and the agent's own
// observations go through. Pairs of local sockets can be made: they lead nowhere else.
Result<void> filter_sockets();

}  // namespace argosy::agent
