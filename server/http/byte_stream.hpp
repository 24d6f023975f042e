// One accepted connection as bytes in and bytes out, over TCP or TLS alike. On the I/O thread; at most one read and one
// write at a time. Every operation ends before the deadline that expires_after() or expires_at() set last, and before
// the one of end_all_by().
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "common/base/error.hpp"
#include "server/base/task.hpp"
#include "server/http/peer_certificate.hpp"

namespace argosy::server {

class ByteStream {
 public:
  using Clock = std::chrono::steady_clock;
  virtual ~ByteStream() = default;
  // The TLS handshake; nothing to do on plain TCP.
  virtual Task<Result<void>> handshake() = 0;
  // 0 when the peer has closed its side.
  virtual Task<Result<std::size_t>> read_some(std::uint8_t* buffer, std::size_t size) = 0;
  virtual Task<Result<void>> write(std::string_view data) = 0;
  void expires_after(Clock::duration timeout) { expires_at(Clock::now() + timeout); }
  void expires_at(Clock::time_point deadline) {
    deadline_ = std::min(deadline, last_deadline_);
    set_deadline(deadline_);
  }
  void expires_never() {
    deadline_ = Clock::time_point::max();
    set_deadline(deadline_);
  }
  // No later deadline holds until the next call; Clock::time_point::max() lets all hold again.
  void end_all_by(Clock::time_point deadline) { last_deadline_ = deadline; }
  // No more writes; the peer sees the end of the stream. Over TLS it also waits for the peer's own end.
  virtual Task<void> end_writing() = 0;
  // The same below TLS and without waiting; reading goes on.
  virtual void half_close() = 0;
  virtual void close() = 0;
  virtual bool is_tls() const = 0;
  virtual std::optional<PeerCertificate> peer_certificate() const = 0;
  virtual std::string peer_address() const = 0;

 protected:
  Clock::time_point deadline() const { return deadline_; }
  virtual void set_deadline(Clock::time_point deadline) = 0;

 private:
  Clock::time_point deadline_ = Clock::time_point::max();
  Clock::time_point last_deadline_ = Clock::time_point::max();
};

std::shared_ptr<ByteStream> make_tcp_stream(boost::asio::ip::tcp::socket socket);
std::shared_ptr<ByteStream> make_tls_stream(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context& context);

}  // namespace argosy::server
