// A connection to the broker as bytes: TCP, or TLS over it. All on the I/O thread. One connection each, from connect()
// to close(); an operation that is under way keeps the stream alive and ends with an error when it is closed.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "common/base/encoding.hpp"

namespace argosy::fleet_load {

class ByteStream : public std::enable_shared_from_this<ByteStream> {
 public:
  using Done = std::function<void(boost::system::error_code)>;
  using Read = std::function<void(boost::system::error_code, ByteView)>;

  virtual ~ByteStream() = default;
  virtual void connect(const boost::asio::ip::tcp::endpoint& to, Done done) = 0;
  virtual void read(Read done) = 0;                     // what has come; valid while `done` runs
  virtual void write(const Bytes& all, Done done) = 0;  // `all` must stay until then
  virtual void close() = 0;                             // by RST, without a word
};

// `buffer`: how much is read at a time.
std::shared_ptr<ByteStream> make_tcp_stream(boost::asio::io_context& io, std::size_t buffer);

struct TlsIdentity {
  std::shared_ptr<boost::asio::ssl::context> context;
  std::string certificate_pem;
  std::string private_key_pem;
};
std::shared_ptr<ByteStream> make_tls_stream(boost::asio::io_context& io, std::size_t buffer,
                                            const TlsIdentity& identity);

}  // namespace argosy::fleet_load
