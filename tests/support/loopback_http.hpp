// A small HTTP server on a free loopback port, in a thread of the test's own: one connection a request, one at a time.
#pragma once

#include <atomic>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace argosy::test {

struct HttpAnswer {
  int status = 200;
  std::string body;
};

class LoopbackHttp {
 public:
  // Called on the server's thread with the request's line, as "GET /path".
  using Handler = std::function<HttpAnswer(const std::string& request)>;

  explicit LoopbackHttp(Handler handler) : handler_(std::move(handler)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_, generic, size), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    EXPECT_EQ(::getsockname(listener_, generic, &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~LoopbackHttp() {
    stopping_ = true;
    thread_.join();
    ::close(listener_);
  }
  LoopbackHttp(const LoopbackHttp&) = delete;
  LoopbackHttp& operator=(const LoopbackHttp&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void run() {
    while (!stopping_) {
      pollfd waiting{listener_, POLLIN, 0};
      if (::poll(&waiting, 1, 20) <= 0) continue;
      const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) continue;
      const timeval patience{5, 0};
      ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      answer(client);
      ::close(client);
    }
  }
  void answer(int client) {
    std::string head;
    char piece[4096];
    while (head.find("\r\n\r\n") == std::string::npos && head.size() < 65536) {
      const ssize_t got = ::recv(client, piece, sizeof piece, 0);
      if (got <= 0) return;
      head.append(piece, static_cast<std::size_t>(got));
    }
    const std::string line = head.substr(0, head.find(" HTTP/"));
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(line);
    }
    const HttpAnswer answer = handler_(line);
    const std::string reply = "HTTP/1.1 " + std::to_string(answer.status) + " Recorded\r\nConnection: close\r\n" +
                              "Content-Length: " + std::to_string(answer.body.size()) + "\r\n\r\n" + answer.body;
    for (std::size_t sent = 0; sent < reply.size();) {
      const ssize_t put = ::send(client, reply.data() + sent, reply.size() - sent, MSG_NOSIGNAL);
      if (put <= 0) return;
      sent += static_cast<std::size_t>(put);
    }
  }

  Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace argosy::test
