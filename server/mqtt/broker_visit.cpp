#include "server/mqtt/broker_visit.hpp"

#include <array>
#include <chrono>
#include <optional>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "net/tls_client.hpp"
#include "net/url.hpp"

namespace argosy::server {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds patience{5};
constexpr std::string_view tls_scheme = "ssl://";

Result<net::Endpoint> endpoint_of(std::string_view uri) {
  auto endpoint = uri.starts_with(tls_scheme) ? net::parse_authority(uri.substr(tls_scheme.size())) : std::nullopt;
  if (endpoint && !endpoint->port.empty()) return std::move(*endpoint);
  return make_error(Errc::invalid_argument, "mqtt.uri '" + std::string(uri.substr(0, 80)) +
                                                "' names no broker with TLS; certificates mean nothing there");
}

using Context = std::shared_ptr<asio::ssl::context>;

Result<Context> context_of(const BrokerVisit& visit) {
  auto context = net::make_client_context(
      {.authorities_pem = visit.ca_pem, .certificate_pem = visit.certificate_pem, .private_key_pem = visit.key_pem});
  if (context) return context;
  return make_error(Errc::internal, "cannot prepare a visit to the broker: " + context.error().message);
}

// CONNECT of MQTT 3.1.1, clean session, keep alive 30 s, no will, no password.
std::string connect_packet(const std::string& client_id) {
  std::string packet{"\x10\0\0\x04MQTT\x04\x02\0\x1e\0\0", 14};
  packet[1] = static_cast<char>(12 + client_id.size());
  packet[13] = static_cast<char>(client_id.size());
  return packet + client_id;
}

Error no_answer(const net::Endpoint& broker, const std::string& why) {
  return make_error(Errc::unavailable, "the broker at " + broker.host_and_port() + " does not answer: " + why);
}

class Visitor {
 public:
  Visitor(asio::any_io_executor io, BrokerVisit visit, net::Endpoint broker, Context context)
      : visit_(std::move(visit)),
        broker_(std::move(broker)),
        context_(std::move(context)),
        stream_(io, *context_),
        resolver_(io) {}

  void give_up() {
    given_up_ = true;
    resolver_.cancel();
    error_code ignored;
    stream_.lowest_layer().close(ignored);
  }

  asio::awaitable<Result<bool>> run() {
    const auto [unknown, endpoints] = co_await resolver_.async_resolve(broker_.host, broker_.port, as_result);
    if (unknown) co_return no_answer(broker_, unknown.message());
    const auto [unreachable, endpoint] = co_await asio::async_connect(stream_.lowest_layer(), endpoints, as_result);
    if (unreachable) co_return no_answer(broker_, given_up_ ? "too slow" : unreachable.message());
    net::expect_host(stream_, broker_.host);
    const auto [refused] = co_await stream_.async_handshake(asio::ssl::stream_base::client, as_result);
    if (refused) co_return turned_away(refused);
    co_return co_await ask();
  }

 private:
  // With TLS 1.3 the handshake is over here before the broker has looked at our certificate: what comes instead of its
  // CONNACK is the answer.
  asio::awaitable<Result<bool>> ask() {
    const std::string hello = connect_packet(visit_.client_id);
    const auto [unsent, written] = co_await asio::async_write(stream_, asio::buffer(hello), as_result);
    if (unsent) co_return turned_away(unsent);
    std::array<std::uint8_t, 4> answer{};
    const auto [unanswered, count] = co_await asio::async_read(stream_, asio::buffer(answer), as_result);
    if (unanswered) co_return turned_away(unanswered);
    const bool let_in = answer[0] == 0x20 && answer[3] == 0;
    const std::string farewell{"\xe0\0", 2};
    co_await asio::async_write(stream_, asio::buffer(farewell), as_result);
    error_code ignored;
    stream_.lowest_layer().close(ignored);
    co_return let_in;
  }

  Result<bool> turned_away(const error_code& error) const {
    if (given_up_) return no_answer(broker_, "too slow");
    const bool we_refuse = SSL_get_verify_result(const_cast<Stream&>(stream_).native_handle()) != X509_V_OK;
    if (we_refuse) return no_answer(broker_, "its certificate is not of this fleet: " + error.message());
    return false;
  }

  using Stream = asio::ssl::stream<tcp::socket>;
  BrokerVisit visit_;
  net::Endpoint broker_;
  Context context_;
  Stream stream_;
  tcp::resolver resolver_;
  bool given_up_ = false;
};

}  // namespace

asio::awaitable<Result<bool>> visit_broker(asio::any_io_executor io, BrokerVisit visit) {
  ARGOSY_CO_TRY(net::Endpoint broker, endpoint_of(visit.uri));
  ARGOSY_CO_TRY(Context context, context_of(visit));
  const auto visitor = std::make_shared<Visitor>(io, std::move(visit), std::move(broker), std::move(context));
  asio::steady_timer deadline(io, patience);
  deadline.async_wait([weak = std::weak_ptr(visitor)](const error_code& cancelled) {
    const auto late = weak.lock();
    if (!cancelled && late) late->give_up();
  });
  co_return co_await visitor->run();
}

}  // namespace argosy::server
