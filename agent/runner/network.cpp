#include "agent/runner/network.hpp"

#include <cerrno>
#include <cstddef>
#include <fstream>
#include <string>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/file.hpp"

namespace argosy::agent {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t this_architecture = AUDIT_ARCH_X86_64;
constexpr std::uint32_t first_foreign_call = 0x40000000;  // x32's
#elif defined(__aarch64__)
constexpr std::uint32_t this_architecture = AUDIT_ARCH_AARCH64;
constexpr std::uint32_t first_foreign_call = 0xffffffff;
#else
constexpr std::uint32_t this_architecture = 0, first_foreign_call = 0;  // no filter has been written for it
#endif

constexpr sock_filter load(std::size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}
// Jumps are counted from the next instruction.
constexpr sock_filter jump(std::uint16_t test, std::uint32_t value, std::uint8_t when_true, std::uint8_t when_false) {
  return BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), value, when_true, when_false);
}

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
  if (this_architecture == 0) return make_error(Errc::unavailable, "no system-call filter for this architecture");
  constexpr std::uint8_t refuse = 1;  // before the last
  sock_filter program[] = {
      load(offsetof(seccomp_data, arch)),
      jump(BPF_JEQ, this_architecture, 0, 7 + refuse),
      load(offsetof(seccomp_data, nr)),
      jump(BPF_JGE, first_foreign_call, 5 + refuse, 0),
      jump(BPF_JEQ, __NR_io_uring_setup, 4 + refuse, 0),  // makes sockets without the call
      jump(BPF_JEQ, __NR_socket, 1, 0),
      jump(BPF_JEQ, __NR_socketpair, 0, 2),
      load(offsetof(seccomp_data, args[0])),  // the family; its lower half, both architectures being little-endian
      jump(BPF_JEQ, AF_UNIX, 0, refuse),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
  };
  const sock_fprog filter{sizeof program / sizeof program[0], program};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
    return errno_error("cannot filter system calls", errno);
  return {};
}

Network leave_network() {
  if (enter_empty_network()) return Network::own_namespace;
  return filter_sockets() ? Network::filtered : Network::open;
}

}  // namespace argosy::agent
