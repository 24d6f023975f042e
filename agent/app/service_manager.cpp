#include "agent/app/service_manager.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace argosy::agent {

namespace {

std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string text = value == nullptr ? "" : value;
  ::unsetenv(name);
  return text;
}

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number <= 0) return std::nullopt;
  return number;
}

UniqueFd connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return UniqueFd();
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path.front() == '@') address.sun_path[0] = '\0';
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) return UniqueFd();
  return fd;
}

}  // namespace

ServiceManager ServiceManager::from_environment() {
  const std::string socket_path = take_variable("NOTIFY_SOCKET");
  const auto watchdog_us = number_of(take_variable("WATCHDOG_USEC"));
  const auto watched = number_of(take_variable("WATCHDOG_PID"));
  if (!watchdog_us || (watched && *watched != ::getpid())) return {socket_path, std::nullopt};
  return {socket_path, Duration{*watchdog_us / 1000}};
}

ServiceManager::ServiceManager(const std::string& socket_path, std::optional<Duration> watchdog)
    : socket_(connect_to(socket_path)) {
  if (watchdog && socket_) watch_period_ = std::max(*watchdog / 2, Duration{1});
}

void ServiceManager::tell(std::string_view state) const {
  if (socket_) static_cast<void>(::send(socket_.get(), state.data(), state.size(), MSG_NOSIGNAL));
}

}  // namespace argosy::agent
