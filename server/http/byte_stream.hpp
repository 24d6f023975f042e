// One accepted connection as bytes in and bytes out, over TCP or TLS alike. On the I/O thread; at most one read and one
// write at a time. Every operation ends before the deadline that expires_after() set last.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "server/http/router.hpp"

namespace argosy::server {

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // The TLS handshake; nothing to do on plain TCP.
  virtual Task<Result<void>> handshake() = 0;
  // 0 when the peer has closed its side.
  virtual Task<Result<std::size_t>> read_some(std::uint8_t* buffer, std::size_t size) = 0;
  virtual Task<Result<void>> write(std::string_view data) = 0;
  virtual void expires_after(std::chrono::steady_clock::duration timeout) = 0;
  virtual void expires_never() = 0;
  // No more writes; the peer sees the end of the stream. Over TLS it also waits for the peer's own end.
  virtual Task<void> end_writing() = 0;
  // The same below TLS and without waiting; reading goes on.
  virtual void half_close() = 0;
  virtual void close() = 0;
  virtual bool is_tls() const = 0;
  virtual std::optional<PeerCertificate> peer_certificate() const = 0;
  virtual std::string peer_address() const = 0;
};

std::shared_ptr<ByteStream> make_tcp_stream(boost::asio::ip::tcp::socket socket);
std::shared_ptr<ByteStream> make_tls_stream(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context& context);

}  // namespace argosy::server
