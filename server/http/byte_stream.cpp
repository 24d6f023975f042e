#include "server/http/byte_stream.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include "common/crypto/certificates.hpp"

namespace argosy::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

Error too_slow() {
  return make_error(Errc::timeout, "the peer was too slow");
}

Error stream_error(const error_code& error) {
  if (error == beast::error::timeout) return too_slow();
  if (error == asio::error::operation_aborted) return make_error(Errc::cancelled, "the connection was closed here");
  return make_error(Errc::io, error.message());
}

bool is_end(const error_code& error) {
  return error == asio::error::eof || error == asio::error::connection_reset ||
         error == asio::ssl::error::stream_truncated;
}

std::string address_of(const beast::tcp_stream& stream) {
  error_code error;
  const auto endpoint = stream.socket().remote_endpoint(error);
  return error ? "unknown" : endpoint.address().to_string();
}

void end_sending(beast::tcp_stream& stream) {
  error_code ignored;
  stream.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

// Beast's timer closes what waits for too long. It never sees a peer whose bytes are always there before it is asked.
template <class Stream>
bool close_if_over(Stream& stream, ByteStream::Clock::time_point deadline) {
  if (ByteStream::Clock::now() < deadline) return false;
  beast::get_lowest_layer(stream).close();
  return true;
}

template <class Stream>
Task<Result<std::size_t>> read_from(Stream& stream, ByteStream::Clock::time_point deadline, std::uint8_t* buffer,
                                    std::size_t size) {
  if (close_if_over(stream, deadline)) co_return too_slow();
  const auto [error, count] = co_await stream.async_read_some(asio::buffer(buffer, size), as_result);
  if (is_end(error)) co_return std::size_t{0};
  if (error) co_return stream_error(error);
  co_return count;
}

template <class Stream>
Task<Result<void>> write_to(Stream& stream, ByteStream::Clock::time_point deadline, std::string_view data) {
  if (close_if_over(stream, deadline)) co_return too_slow();
  const auto [error, count] = co_await asio::async_write(stream, asio::buffer(data.data(), data.size()), as_result);
  if (error) co_return stream_error(error);
  co_return Result<void>{};
}

class TcpStream final : public ByteStream {
 public:
  explicit TcpStream(asio::ip::tcp::socket socket) : stream_(std::move(socket)), address_(address_of(stream_)) {}

  Task<Result<void>> handshake() override { co_return Result<void>{}; }
  Task<Result<std::size_t>> read_some(std::uint8_t* buffer, std::size_t size) override {
    return read_from(stream_, deadline(), buffer, size);
  }
  Task<Result<void>> write(std::string_view data) override { return write_to(stream_, deadline(), data); }
  bool is_tls() const override { return false; }
  Task<void> end_writing() override {
    half_close();
    co_return;
  }
  void half_close() override { end_sending(stream_); }
  void close() override { stream_.close(); }
  std::optional<PeerCertificate> peer_certificate() const override { return std::nullopt; }
  std::string peer_address() const override { return address_; }

 private:
  void set_deadline(Clock::time_point deadline) override { stream_.expires_at(deadline); }

  beast::tcp_stream stream_;
  std::string address_;
};

std::optional<std::string> certificate_pem(SSL* ssl) {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl), &X509_free);
  if (!certificate || SSL_get_verify_result(ssl) != X509_V_OK) return std::nullopt;
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), &BIO_free);
  if (!memory || PEM_write_bio_X509(memory.get(), certificate.get()) != 1) return std::nullopt;
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

class TlsStream final : public ByteStream {
 public:
  TlsStream(asio::ip::tcp::socket socket, asio::ssl::context& context)
      : stream_(beast::tcp_stream(std::move(socket)), context), address_(address_of(stream_.next_layer())) {}

  Task<Result<void>> handshake() override {
    const auto [error] = co_await stream_.async_handshake(asio::ssl::stream_base::server, as_result);
    if (error) co_return stream_error(error);
    co_return remember_peer();
  }
  Task<Result<std::size_t>> read_some(std::uint8_t* buffer, std::size_t size) override {
    return read_from(stream_, deadline(), buffer, size);
  }
  Task<Result<void>> write(std::string_view data) override { return write_to(stream_, deadline(), data); }
  bool is_tls() const override { return true; }
  Task<void> end_writing() override { co_await stream_.async_shutdown(as_result); }
  void half_close() override { end_sending(stream_.next_layer()); }
  void close() override { stream_.next_layer().close(); }
  std::optional<PeerCertificate> peer_certificate() const override { return certificate_; }
  std::string peer_address() const override { return address_; }

 private:
  void set_deadline(Clock::time_point deadline) override { stream_.next_layer().expires_at(deadline); }
  Result<void> remember_peer() {
    const auto pem = certificate_pem(stream_.native_handle());
    if (!pem) return {};
    ARGOSY_TRY(const CertificateFacts facts, read_certificate(*pem));
    certificate_ = PeerCertificate{facts.common_name, facts.fingerprint.to_hex(), facts.not_after};
    return {};
  }

  asio::ssl::stream<beast::tcp_stream> stream_;
  std::string address_;
  std::optional<PeerCertificate> certificate_;
};

}  // namespace

std::shared_ptr<ByteStream> make_tcp_stream(asio::ip::tcp::socket socket) {
  return std::make_shared<TcpStream>(std::move(socket));
}

std::shared_ptr<ByteStream> make_tls_stream(asio::ip::tcp::socket socket, asio::ssl::context& context) {
  return std::make_shared<TlsStream>(std::move(socket), context);
}

}  // namespace argosy::server
