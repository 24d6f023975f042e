#include "agent/runner/box.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/runner/system_call_filter.hpp"

namespace argosy::agent {
namespace {

namespace fs = std::filesystem;

// Rights and scopes of kernels newer than the headers of Debian 12, as in linux/landlock.h of Linux 6.12.
constexpr std::uint64_t right_to_truncate = 1ULL << 14;  // from version 3 of the interface
constexpr std::uint64_t right_to_control = 1ULL << 15;   // ioctl on devices, from version 5
constexpr std::uint64_t scope_of_abstract_sockets = 1;   // from version 6
constexpr std::uint64_t scope_of_signals = 2;
struct Ruleset {
  std::uint64_t files;
  std::uint64_t network;
  std::uint64_t scopes;
};

constexpr uid_t nobody = 65534;

#ifdef ARGOSY_SANITIZE_ADDRESS
constexpr std::uint32_t tracing = 0xffffffff;  // the leak checker traces its own process; strangers are Landlock's
#else
constexpr std::uint32_t tracing = __NR_ptrace;
#endif

constexpr std::uint64_t reading =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t using_devices =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE | right_to_control;
constexpr std::uint64_t rights_of_a_file =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | right_to_control;

// What programs and their libraries are made of. Of /etc only what loading them takes: the rest may hold secrets.
constexpr const char* system_paths[] = {"/usr",
                                        "/lib",
                                        "/lib64",
                                        "/bin",
                                        "/sbin",
                                        "/opt",
                                        "/proc",
                                        "/sys",
                                        "/etc/ld.so.cache",
                                        "/etc/ld.so.conf",
                                        "/etc/ld.so.conf.d",
                                        "/etc/nsswitch.conf",
                                        "/etc/passwd",
                                        "/etc/group",
                                        "/etc/localtime",
                                        "/etc/alternatives",
                                        "/etc/OpenCL",
                                        "/etc/vulkan"};

// Of /dev, by how the names begin: what every program uses, and accelerators. Not /dev/shm, where other programs leave
// their memory, nor disks, which root may read without a capability.
constexpr std::string_view devices[] = {
    // of every program
    "full", "null", "random", "urandom", "zero",
    // GPUs: accel/, dri/, AMD, NVIDIA, Jetson
    "accel", "dri", "kfd", "nvidia", "nvgpu", "nvhost", "nvmap",
    // Coral, Hailo, Vivante, Arm, Rockchip, Ascend
    "apex_", "hailo", "galcore", "mali", "rknpu", "davinci",
    // Qualcomm, and buffers that they share
    "adsprpc", "fastrpc", "kgsl", "dma_heap", "ion"};

std::uint64_t all_rights(long version) {
  std::uint64_t rights = (1ULL << 13) - 1;
  if (version >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) rights |= right_to_truncate;
  if (version >= 5) rights |= right_to_control;
  return rights;
}

std::size_t ruleset_size(long version) {
  if (version >= 6) return sizeof(Ruleset);
  return version >= 4 ? 2 * sizeof(std::uint64_t) : sizeof(std::uint64_t);
}

// What is not there needs no right.
Result<void> permit(int ruleset, const fs::path& path, std::uint64_t rights) {
  const UniqueFd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!fd) return {};
  struct stat facts {};
  if (::fstat(fd.get(), &facts) != 0) return errno_error("cannot look at " + path.string(), errno);
  landlock_path_beneath_attr rule{};
  rule.allowed_access = S_ISDIR(facts.st_mode) ? rights : rights & rights_of_a_file;
  rule.parent_fd = fd.get();
  if (::syscall(__NR_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
    return errno_error("cannot permit reading " + path.string(), errno);
  return {};
}

Result<void> permit_python(int ruleset, std::uint64_t rights) {
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator("/etc", failed)) {
    if (!entry.path().filename().string().starts_with("python3")) continue;
    ARGOSY_CHECK(permit(ruleset, entry.path(), rights));
  }
  return {};
}

Result<void> permit_devices(int ruleset, std::uint64_t rights) {
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator("/dev", failed)) {
    const std::string name = entry.path().filename().string();
    const bool is_named = std::any_of(std::begin(devices), std::end(devices),
                                      [&](std::string_view device) { return name.starts_with(device); });
    std::error_code unknown;
    if (!is_named || entry.is_block_file(unknown)) continue;
    ARGOSY_CHECK(permit(ruleset, entry.path(), rights));
  }
  return {};
}

}  // namespace

std::string_view to_string(Box box) {
  switch (box) {
    case Box::landlock:
      return "landlock";
    case Box::own_user:
      return "user";
    case Box::open:
      break;
  }
  return "open";
}

Result<void> enter_landlock(const std::vector<fs::path>& readable) {
  const long version = ::syscall(__NR_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return errno_error("this kernel has no Landlock", errno);
  const std::uint64_t rights = all_rights(version);
  const Ruleset wanted{rights, 0, version >= 6 ? scope_of_abstract_sockets | scope_of_signals : 0};
  const UniqueFd ruleset(static_cast<int>(::syscall(__NR_landlock_create_ruleset, &wanted, ruleset_size(version), 0)));
  if (!ruleset) return errno_error("cannot make a Landlock ruleset", errno);
  for (const char* path : system_paths) ARGOSY_CHECK(permit(ruleset.get(), path, rights & reading));
  ARGOSY_CHECK(permit_python(ruleset.get(), rights & reading));
  ARGOSY_CHECK(permit_devices(ruleset.get(), rights & using_devices));
  for (const fs::path& path : readable) ARGOSY_CHECK(permit(ruleset.get(), path, rights & reading));
  if (::syscall(__NR_landlock_restrict_self, ruleset.get(), 0) != 0)
    return errno_error("cannot enter the Landlock ruleset", errno);
  return {};
}

Result<void> become_nobody() {
  if (::geteuid() != 0) return make_error(Errc::forbidden, "only root can become another user");
  if (::setgroups(0, nullptr) != 0 || ::setresgid(nobody, nobody, nobody) != 0 ||
      ::setresuid(nobody, nobody, nobody) != 0)
    return errno_error("cannot become another user", errno);
  return {};
}

Result<void> drop_capabilities() {
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability) >= 0; ++capability) {
    ::prctl(PR_CAPBSET_DROP, capability);  // permitted to few; no new privileges makes up for it
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(__NR_capset, &header, none) != 0) return errno_error("cannot give up capabilities", errno);
  return {};
}

Result<void> filter_processes() {
  const auto parent = static_cast<std::uint32_t>(::getppid());
  sock_filter program[] = {
      load(offsetof(seccomp_data, arch)),
      jump(BPF_JEQ, this_architecture, 0, 15),
      load(offsetof(seccomp_data, nr)),
      jump(BPF_JGE, first_foreign_call, 13, 0),
      jump(BPF_JEQ, tracing, 12, 0),
      jump(BPF_JEQ, __NR_process_vm_readv, 11, 0),
      jump(BPF_JEQ, __NR_process_vm_writev, 10, 0),
      jump(BPF_JEQ, __NR_pidfd_open, 9, 0),
      jump(BPF_JEQ, __NR_tkill, 8, 0),  // by a thread's number alone: whose it is cannot be told
      jump(BPF_JEQ, __NR_kill, 3, 0),
      jump(BPF_JEQ, __NR_tgkill, 2, 0),
      jump(BPF_JEQ, __NR_rt_sigqueueinfo, 1, 0),
      jump(BPF_JEQ, __NR_rt_tgsigqueueinfo, 0, 3),
      load(offsetof(seccomp_data, args[0])),
      jump(BPF_JEQ, parent, 2, 0),
      jump(BPF_JGE, 0x80000000U, 1, 0),  // a group, or everybody
      permitted,
      refused,
  };
  return filter_system_calls(program);
}

Box enter_box(const std::vector<fs::path>& readable) {
  Box box = Box::open;
  if (enter_landlock(readable)) {
    box = Box::landlock;
  } else if (become_nobody()) {
    box = Box::own_user;
  }
  const bool held = drop_capabilities() && filter_processes();
  return held ? box : Box::open;
}

}  // namespace argosy::agent
