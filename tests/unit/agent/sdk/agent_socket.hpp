// The agent's end of the observations socket, for tests: a bound datagram socket under a name of its own.
#pragma once

#include <cstring>
#include <filesystem>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace argosy::agent::test {

inline std::string fresh_socket_path() {
  static int count = 0;
  return std::filesystem::temp_directory_path() /
         ("argosy-sdk-test-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
}

class AgentSocket {
 public:
  explicit AgentSocket(const std::string& path) : path_(path), fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    bound_ = ::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~AgentSocket() {
    ::close(fd_);
    std::filesystem::remove(path_);
  }
  AgentSocket(const AgentSocket&) = delete;
  AgentSocket& operator=(const AgentSocket&) = delete;

  bool bound() const { return bound_; }
  // The next datagram, decoded; nothing when none waits.
  std::optional<nlohmann::json> receive() {
    std::uint8_t bytes[4096];
    const ssize_t size = ::recv(fd_, bytes, sizeof bytes, 0);
    if (size < 0) return std::nullopt;
    return nlohmann::json::from_cbor(bytes, bytes + size);
  }

 private:
  std::string path_;
  int fd_;
  bool bound_ = false;
};

}  // namespace argosy::agent::test
