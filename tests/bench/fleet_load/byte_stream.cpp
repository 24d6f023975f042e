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
void reset(tcp::socket& socket) {
  error_code ignored;
  socket.set_option(asio::socket_base::linger(true, 0), ignored);
  socket.close(ignored);
}

template <class Stream>
void read_some(Stream& stream, Bytes& buffer, std::shared_ptr<ByteStream> self, ByteStream::Read done) {
  stream.async_read_some(asio::buffer(buffer),
                         [&buffer, self = std::move(self), done = std::move(done)](
                             error_code failed, std::size_t size) { done(failed, ByteView(buffer.data(), size)); });
}

template <class Stream>
void write_all(Stream& stream, const Bytes& all, std::shared_ptr<ByteStream> self, ByteStream::Done done) {
  asio::async_write(stream, asio::buffer(all),
                    [self = std::move(self), done = std::move(done)](error_code failed, std::size_t) { done(failed); });
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

class TcpStream : public ByteStream {
 public:
  TcpStream(asio::io_context& io, std::size_t buffer) : socket_(io), buffer_(buffer) {}

  void connect(const tcp::endpoint& to, Done done) override {
    socket_.async_connect(to, [this, self = shared_from_this(), done = std::move(done)](error_code failed) {
      if (!failed) prepare(socket_);
      done(failed);
    });
  }
  void read(Read done) override { read_some(socket_, buffer_, shared_from_this(), std::move(done)); }
  void write(const Bytes& all, Done done) override { write_all(socket_, all, shared_from_this(), std::move(done)); }
  void close() override { reset(socket_); }

 private:
  tcp::socket socket_;
  Bytes buffer_;
};

class TlsStream : public ByteStream {
 public:
  TlsStream(asio::io_context& io, std::size_t buffer, const TlsIdentity& identity)
      : context_(identity.context), stream_(io, *context_), buffer_(buffer) {
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
  void read(Read done) override { read_some(stream_, buffer_, shared_from_this(), std::move(done)); }
  void write(const Bytes& all, Done done) override { write_all(stream_, all, shared_from_this(), std::move(done)); }
  void close() override { reset(stream_.next_layer()); }

 private:
  std::shared_ptr<asio::ssl::context> context_;
  asio::ssl::stream<tcp::socket> stream_;
  Bytes buffer_;
};

}  // namespace

std::shared_ptr<ByteStream> make_tcp_stream(asio::io_context& io, std::size_t buffer) {
  return std::make_shared<TcpStream>(io, buffer);
}

std::shared_ptr<ByteStream> make_tls_stream(asio::io_context& io, std::size_t buffer, const TlsIdentity& identity) {
  return std::make_shared<TlsStream>(io, buffer, identity);
}

}  // namespace argosy::fleet_load
