// A connection to the broker as bytes: TCP, or TLS over it. All on the I/O thread. One connection each, from connect()
// to close(), of which its owner hears through one handler; what is under way keeps the stream alive.
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
  using Heard = std::function<void(boost::system::error_code, ByteView)>;

  virtual ~ByteStream() = default;
  virtual void connect(const boost::asio::ip::tcp::endpoint& to, Done done) = 0;
  // From now on whatever comes, valid during the call, and once the error that ended the connection either way. Nothing
  // after close().
  void hear(Heard heard);
  // To be appended to; it leaves with flush().
  Bytes& out() { return waiting_; }
  void flush();
  void close();  // by RST, without a word

 protected:
  explicit ByteStream(std::size_t buffer) : read_(buffer) {}
  virtual void read_some(Bytes& into) = 0;       // ends with has_read()
  virtual void write_all(const Bytes& all) = 0;  // ends with has_written()
  virtual void reset() = 0;
  void has_read(boost::system::error_code failed, std::size_t size);
  void has_written(boost::system::error_code failed);

 private:
  void fail(boost::system::error_code why);

  Heard heard_;
  Bytes read_;
  Bytes waiting_;
  Bytes written_;  // on its way
  bool is_writing_ = false;
  bool is_over_ = false;
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
