#include "agent/runner/box.hpp"

#include <cerrno>
#include <csignal>
#include <fstream>
#include <functional>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/temporary_folder.hpp"

namespace argosy::agent {
namespace {

namespace fs = std::filesystem;

constexpr int no_box_here = 99;

// What `act` returns in a process of its own.
int boxed(const std::function<int()>& act) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::_exit(act());
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int open_errno(const fs::path& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (fd < 0) return errno;
  ::close(fd);
  return 0;
}

class BoxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(model_folder);
    std::ofstream(model) << "model";
    std::ofstream(key) << "key";
    const int outcome = boxed([] { return enter_landlock({}) ? 0 : no_box_here; });
    if (outcome == no_box_here) GTEST_SKIP() << "this kernel has no Landlock";
  }
  int in_the_box(const std::function<int()>& act) const {
    return boxed([&] { return enter_box({model_folder}) == Box::landlock ? act() : no_box_here; });
  }

  test::TemporaryFolder folder;
  fs::path model_folder = folder.path() / "models";
  fs::path model = model_folder / "model.onnx";
  fs::path key = folder.path() / "key.pem";
};

TEST_F(BoxTest, WhatIsNamedCanBeRead) {
  EXPECT_EQ(in_the_box([&] { return open_errno(model, O_RDONLY); }), 0);
  EXPECT_EQ(in_the_box([] { return open_errno("/etc/ld.so.cache", O_RDONLY); }), 0);
}

TEST_F(BoxTest, WhatLiesBesideItCannot) {
  EXPECT_EQ(in_the_box([&] { return open_errno(key, O_RDONLY); }), EACCES);
  EXPECT_EQ(in_the_box([] { return open_errno("/etc/shadow", O_RDONLY); }), EACCES);
}

TEST_F(BoxTest, NothingIsWritten) {
  EXPECT_EQ(in_the_box([&] { return open_errno(model, O_WRONLY); }), EACCES);
  EXPECT_EQ(in_the_box([&] { return open_errno(model_folder / "new", O_WRONLY | O_CREAT); }), EACCES);
  EXPECT_EQ(in_the_box([] { return open_errno("/tmp/new", O_WRONLY | O_CREAT); }), EACCES);
  EXPECT_EQ(in_the_box([&] { return ::unlink(model.c_str()) == 0 ? 0 : errno; }), EACCES);
}

TEST_F(BoxTest, ProgramsAndDevicesStay) {
  EXPECT_EQ(in_the_box([] { return ::system("true >/dev/null") == 0 ? 0 : 1; }), 0);
}

TEST_F(BoxTest, SharedMemoryAndDisksAreOutOfReach) {
  const fs::path shared = "/dev/shm/argosy-test-" + std::to_string(::getpid());
  std::ofstream(shared) << "of another program";
  EXPECT_EQ(in_the_box([&] { return open_errno(shared, O_RDONLY); }), EACCES);
  EXPECT_EQ(in_the_box([&] { return open_errno(shared, O_WRONLY); }), EACCES);
  EXPECT_EQ(in_the_box([&] { return open_errno(shared.string() + "-new", O_WRONLY | O_CREAT); }), EACCES);
  fs::remove(shared);
  for (const auto& device : fs::directory_iterator("/dev")) {
    if (!device.is_block_file()) continue;
    EXPECT_EQ(in_the_box([&] { return open_errno(device.path(), O_RDONLY | O_NONBLOCK); }), EACCES) << device.path();
  }
}

TEST_F(BoxTest, HoldsForProgramsThatItStarts) {
  const std::string command = "cat " + key.string() + " >/dev/null 2>&1";
  EXPECT_EQ(in_the_box([&] { return ::system(command.c_str()) == 0 ? 0 : 1; }), 1);
}

TEST_F(BoxTest, NeitherParentNorGroupsAreSentSignals) {
  for (const auto signal : {0, SIGTERM}) {
    EXPECT_EQ(in_the_box([&] { return ::kill(::getppid(), signal) == 0 ? 0 : errno; }), EACCES);
    EXPECT_EQ(in_the_box([&] { return ::kill(-1, signal) == 0 ? 0 : errno; }), EACCES);
    EXPECT_EQ(in_the_box([&] { return ::syscall(SYS_tgkill, ::getppid(), ::getppid(), signal) == 0 ? 0 : errno; }),
              EACCES);
    EXPECT_EQ(in_the_box([&] { return ::syscall(SYS_tkill, ::getppid(), signal) == 0 ? 0 : errno; }), EACCES);
  }
  EXPECT_EQ(in_the_box([] { return ::syscall(SYS_pidfd_open, ::getppid(), 0) >= 0 ? 0 : errno; }), EACCES);
}

TEST_F(BoxTest, ItsOwnChildrenAre) {
  EXPECT_EQ(in_the_box([] {
              const pid_t child = ::fork();
              if (child == 0) ::pause();
              if (::kill(child, SIGKILL) != 0) return errno;
              return ::waitpid(child, nullptr, 0) == child ? 0 : 1;
            }),
            0);
}

TEST_F(BoxTest, NobodyIsTracedOrRead) {
  EXPECT_NE(in_the_box([] { return ::ptrace(PTRACE_ATTACH, ::getppid(), 0, 0) == 0 ? 0 : errno; }), 0);
  const std::string memory = "/proc/" + std::to_string(::getpid()) + "/mem";
  EXPECT_NE(in_the_box([&] { return open_errno(memory, O_RDONLY); }), 0);
}

TEST_F(BoxTest, NoCapabilityIsLeft) {
  EXPECT_EQ(in_the_box([] {
              __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
              __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
              ::syscall(SYS_capget, &header, sets);
              for (const auto& set : sets) {
                if (set.effective != 0 || set.permitted != 0 || set.inheritable != 0) return 1;
              }
              return 0;
            }),
            0);
}

TEST(OwnUserTest, RootBecomesNobody) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can";
  EXPECT_EQ(boxed([] { return become_nobody() && ::geteuid() == 65534 && ::setuid(0) != 0 ? 0 : 1; }), 0);
}

}  // namespace
}  // namespace argosy::agent
