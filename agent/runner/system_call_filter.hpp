// The instructions that system-call filters (seccomp) of this folder are written in, and how one is put in force for
// this process and all that it starts. Needs PR_SET_NO_NEW_PRIVS.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "common/base/file.hpp"

namespace argosy::agent {

#if defined(__x86_64__)
inline constexpr std::uint32_t this_architecture = AUDIT_ARCH_X86_64;
inline constexpr std::uint32_t first_foreign_call = 0x40000000;  // x32's
#elif defined(__aarch64__)
inline constexpr std::uint32_t this_architecture = AUDIT_ARCH_AARCH64;
inline constexpr std::uint32_t first_foreign_call = 0xffffffff;
#else
inline constexpr std::uint32_t this_architecture = 0, first_foreign_call = 0;  // no filter has been written for it
#endif

constexpr sock_filter load(std::size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}
// Jumps are counted from the next instruction.
constexpr sock_filter jump(std::uint16_t test, std::uint32_t value, std::uint8_t when_true, std::uint8_t when_false) {
  return BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), value, when_true, when_false);
}
inline constexpr sock_filter permitted = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
inline constexpr sock_filter refused = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES);

inline Result<void> filter_system_calls(std::span<sock_filter> program) {
  if (this_architecture == 0) return make_error(Errc::unavailable, "no system-call filter for this architecture");
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
    return errno_error("cannot filter system calls", errno);
  return {};
}

}  // namespace argosy::agent
