#include "agent/app/service_manager.hpp"

#include <cstdlib>
#include <cstring>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

// The manager's side of the socket.
class Manager {
 public:
  explicit Manager(const std::string& name) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name.front() == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0) << std::strerror(errno);
  }
  // Empty when nothing was said.
  std::string heard() const {
    char text[64];
    const ssize_t got = ::recv(fd_.get(), text, sizeof text, 0);
    return got < 0 ? "" : std::string(text, static_cast<std::size_t>(got));
  }

 private:
  UniqueFd fd_;
};

TEST(ServiceManager, HearsOfStartLifeAndEnd) {
  test::TempFolder folder;
  const std::string path = folder / "notify";
  const Manager manager(path);
  const ServiceManager told(path, Duration{60'000});
  EXPECT_EQ(told.watch_period(), Duration{30'000});
  told.ready();
  told.alive();
  told.stopping();
  EXPECT_EQ(manager.heard(), "READY=1");
  EXPECT_EQ(manager.heard(), "WATCHDOG=1");
  EXPECT_EQ(manager.heard(), "STOPPING=1");
  EXPECT_EQ(manager.heard(), "");
}

TEST(ServiceManager, MayHaveAnAbstractName) {
  const std::string name = "@argosy-agent-test-" + std::to_string(::getpid());
  const Manager manager(name);
  ServiceManager(name, std::nullopt).ready();
  EXPECT_EQ(manager.heard(), "READY=1");
}

TEST(ServiceManager, IsFoundInTheEnvironmentOnce) {
  test::TempFolder folder;
  const std::string path = folder / "notify";
  const Manager manager(path);
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  ::setenv("WATCHDOG_USEC", "2000000", 1);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  const ServiceManager told = ServiceManager::from_environment();
  EXPECT_EQ(told.watch_period(), Duration{1'000});
  told.ready();
  EXPECT_EQ(manager.heard(), "READY=1");
  EXPECT_EQ(std::getenv("NOTIFY_SOCKET"), nullptr) << "children must not speak for the agent";
  ServiceManager::from_environment().ready();
  EXPECT_EQ(manager.heard(), "");
}

TEST(ServiceManager, KeepsNoWatchOverAnotherProcess) {
  test::TempFolder folder;
  const std::string path = folder / "notify";
  const Manager manager(path);
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  ::setenv("WATCHDOG_USEC", "2000000", 1);
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(ServiceManager::from_environment().watch_period(), std::nullopt);
}

TEST(ServiceManager, MayBeMissing) {
  for (const std::string& path : {std::string(), std::string("/nowhere/notify"), std::string(200, 'x')}) {
    const ServiceManager nobody(path, Duration{1000});
    nobody.ready();
    nobody.alive();
    EXPECT_EQ(nobody.watch_period(), std::nullopt) << path;
  }
}

}  // namespace
}  // namespace argosy::agent
