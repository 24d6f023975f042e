#include "agent/runner/network.hpp"

#include <cerrno>
#include <cstddef>
#include <fstream>
#include <string>

#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/runner/system_call_filter.hpp"

namespace argosy::agent {
namespace {

// The identity outside, inside: files that are made keep their owner.
void map_identity(uid_t user, gid_t group) {
  const auto write = [](const char* file, const std::string& text) { std::ofstream(file) << text << std::flush; };
  const auto same = [](auto id) { return std::to_string(id) + " " + std::to_string(id) + " 1"; };
  write("/proc/self/setgroups", "deny");
  write("/proc/self/uid_map", same(user));
  write("/proc/self/gid_map", same(group));
}

}  // namespace

std::string_view to_string(Network network) {
  switch (network) {
    case Network::own_namespace:
      return "namespace";
    case Network::filtered:
      return "seccomp";
    case Network::open:
      break;
  }
  return "open";
}

Result<void> enter_empty_network() {
  if (::unshare(CLONE_NEWNET) == 0) return {};
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return errno_error("cannot enter a network namespace", errno);
  map_identity(user, group);
  return {};
}

Result<void> filter_sockets() {
  constexpr std::uint8_t refuse = 1;  // before the last
  sock_filter program[] = {
      load(offsetof(seccomp_data, arch)),
      jump(BPF_JEQ, this_architecture, 0, 7 + refuse),
      load(offsetof(seccomp_data, nr)),
      jump(BPF_JGE, first_foreign_call, 5 + refuse, 0),
      jump(BPF_JEQ, __NR_io_uring_setup, 4 + refuse, 0),  // makes sockets without the call
      jump(BPF_JEQ, __NR_socket, 3 + refuse, 0),
      jump(BPF_JEQ, __NR_socketpair, 0, 2),
      load(offsetof(seccomp_data, args[0])),  // the family; its lower half, both architectures being little-endian
      jump(BPF_JEQ, AF_UNIX, 0, refuse),
      permitted,
      refused,
  };
  return filter_system_calls(program);
}

Network leave_network() {
  const bool alone = enter_empty_network().has_value();
  const bool filtered = filter_sockets().has_value();
  if (alone) return Network::own_namespace;
  return filtered ? Network::filtered : Network::open;
}

}  // namespace argosy::agent
