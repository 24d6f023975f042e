#include "tests/bench/fleet_load/byte_stream.hpp"

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <openssl/pem.h>
#include <openssl/ssl.h>

namespace argosy::fleet_load {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

void prepare(tcp::socket& socket) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
}

// With nothing to linger for, so that the peer gets a RST and this side keeps no port.
void reset_socket(tcp::socket& socket) {
  error_code ignored;
  socket.set_option(asio::socket_base::linger(true, 0), ignored);
  socket.close(ignored);
}

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

std::unique_ptr<BIO, Free> text_of(const std::string& pem) {
  return std::unique_ptr<BIO, Free>(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

// One context serves all: what differs is of the single connection. Where it fails, the broker refuses the connection.
void present(SSL* ssl, const TlsIdentity& identity) {
  const auto certificate_text = text_of(identity.certificate_pem);
  const auto key_text = text_of(identity.private_key_pem);
  const std::unique_ptr<X509, Free> certificate(PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr));
  const std::unique_ptr<EVP_PKEY, Free> key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
  if (certificate) SSL_use_certificate(ssl, certificate.get());
  if (key) SSL_use_PrivateKey(ssl, key.get());
}

// How the two kinds of stream read and write alike.
template <class Stream>
class StreamOver : public ByteStream {
 protected:
  template <class... Arguments>
  explicit StreamOver(std::size_t buffer, Arguments&&... arguments)
      : ByteStream(buffer), stream_(std::forward<Arguments>(arguments)...) {}

  void read_some(Bytes& into) override {
    stream_.async_read_some(asio::buffer(into), [this, self = shared_from_this()](error_code failed, std::size_t size) {
      has_read(failed, size);
    });
  }
  void write_all(const Bytes& all) override {
    asio::async_write(stream_, asio::buffer(all),
                      [this, self = shared_from_this()](error_code failed, std::size_t) { has_written(failed); });
  }

  Stream stream_;
};

class TcpStream : public StreamOver<tcp::socket> {
 public:
  TcpStream(asio::io_context& io, std::size_t buffer) : StreamOver(buffer, io) {}

  void connect(const tcp::endpoint& to, Done done) override {
    stream_.async_connect(to, [this, self = shared_from_this(), done = std::move(done)](error_code failed) {
      if (!failed) prepare(stream_);
      done(failed);
    });
  }
  void reset() override { reset_socket(stream_); }
};

class TlsStream : public StreamOver<asio::ssl::stream<tcp::socket>> {
 public:
  TlsStream(asio::io_context& io, std::size_t buffer, const TlsIdentity& identity)
      : StreamOver(buffer, io, *identity.context), context_(identity.context) {
    present(stream_.native_handle(), identity);
  }

  void connect(const tcp::endpoint& to, Done done) override {
    stream_.next_layer().async_connect(
        to, [this, self = shared_from_this(), done = std::move(done)](error_code failed) {
          if (failed) return done(failed);
          prepare(stream_.next_layer());
          stream_.async_handshake(asio::ssl::stream_base::client, [self, done](error_code refused) { done(refused); });
        });
  }
  void reset() override { reset_socket(stream_.next_layer()); }

 private:
  std::shared_ptr<asio::ssl::context> context_;
};

}  // namespace

void ByteStream::hear(Heard heard) {
  heard_ = std::move(heard);
  read_some(read_);
}

void ByteStream::has_read(error_code failed, std::size_t size) {
  if (failed) return fail(failed);
  if (!is_over_) heard_({}, ByteView(read_.data(), size));
  if (!is_over_) read_some(read_);
}

void ByteStream::flush() {
  if (is_over_ || is_writing_ || waiting_.empty()) return;
  is_writing_ = true;
  written_.clear();
  written_.swap(waiting_);
  write_all(written_);
}

void ByteStream::has_written(error_code failed) {
  is_writing_ = false;
  if (failed) return fail(failed);
  flush();
}

void ByteStream::fail(error_code why) {
  if (std::exchange(is_over_, true)) return;
  if (heard_) heard_(why, {});
}

void ByteStream::close() {
  is_over_ = true;
  reset();
}

std::shared_ptr<ByteStream> make_tcp_stream(asio::io_context& io, std::size_t buffer) {
  return std::make_shared<TcpStream>(io, buffer);
}

std::shared_ptr<ByteStream> make_tls_stream(asio::io_context& io, std::size_t buffer, const TlsIdentity& identity) {
  return std::make_shared<TlsStream>(io, buffer, identity);
}

}  // namespace argosy::fleet_load
