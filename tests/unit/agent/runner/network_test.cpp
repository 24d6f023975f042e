#include "agent/runner/network.hpp"

#include <cerrno>
#include <cstddef>
#include <functional>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace argosy::agent {
namespace {

constexpr int not_permitted_here = 99;

// What `act` returns in a process of its own, so that this one keeps its network.
int in_a_child(const std::function<int()>& act) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::_exit(act());
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address_), size), 0);
    EXPECT_EQ(::listen(fd_, 4), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address_), &size), 0);
  }
  ~Listener() { ::close(fd_); }
  // 0, or why a connection to it fails.
  int connect() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) return errno;
    return ::connect(fd, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) == 0 ? 0 : errno;
  }

 private:
  int fd_;
  sockaddr_in address_{};
};

TEST(Network, IsThereBefore) {
  const Listener listener;
  EXPECT_EQ(in_a_child([&] { return listener.connect(); }), 0);
}

TEST(Network, TheFilterRefusesEverySocket) {
  const Listener listener;
  EXPECT_EQ(in_a_child([&] { return filter_sockets() ? listener.connect() : not_permitted_here; }), EACCES);
  for (const int family : {AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX})
    EXPECT_EQ(in_a_child([&] {
                if (!filter_sockets()) return not_permitted_here;
                return ::socket(family, SOCK_DGRAM, 0) < 0 ? errno : 0;
              }),
              EACCES)
        << family;
  EXPECT_EQ(in_a_child([] {
              int ends[2];
              return filter_sockets() && ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 ? 0 : 1;
            }),
            0);
}

TEST(Network, TheFilterRefusesTheWayAroundIt) {
  EXPECT_EQ(in_a_child([] {
              if (!filter_sockets()) return not_permitted_here;
              return ::syscall(__NR_io_uring_setup, 1, nullptr) < 0 ? errno : 0;
            }),
            EACCES);
}

TEST(Network, OfItsOwnLeadsNowhere) {
  const Listener listener;
  const int outcome = in_a_child([&] { return enter_empty_network() ? listener.connect() : not_permitted_here; });
  if (outcome == not_permitted_here) GTEST_SKIP() << "namespaces are not permitted here";
  EXPECT_EQ(outcome, ENETUNREACH);
}

TEST(Network, OfItsOwnLeavesFilesAsTheyWere) {
  const int outcome = in_a_child([] {
    const uid_t user = ::geteuid();
    if (!enter_empty_network()) return not_permitted_here;
    return ::geteuid() == user ? 0 : 1;
  });
  if (outcome == not_permitted_here) GTEST_SKIP() << "namespaces are not permitted here";
  EXPECT_EQ(outcome, 0);
}

// As under argosy-agent.service: RestrictNamespaces= is such a filter.
bool forbid_namespaces() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_unshare, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{sizeof program / sizeof program[0], program};
  return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

TEST(Network, IsFilteredWhereNamespacesAreNotPermitted) {
  const Listener listener;
  EXPECT_EQ(in_a_child([&] {
              if (!forbid_namespaces()) return not_permitted_here;
              return leave_network() == Network::filtered ? listener.connect() : 0;
            }),
            EACCES);
}

TEST(Network, IsLeftOneWayOrTheOther) {
  const Listener listener;
  EXPECT_NE(in_a_child([&] { return leave_network() == Network::open ? 0 : listener.connect(); }), 0);
}

}  // namespace
}  // namespace argosy::agent
