#include "agent/link/https_client.hpp"

#include <algorithm>
#include <array>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "agent/link/server_clock.hpp"
#include "common/base/text.hpp"
#include "common/json/json_look.hpp"
#include "common/json/json_text.hpp"
#include "net/http_steps.hpp"
#include "net/tls_client.hpp"

namespace argosy::agent {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
using boost::system::error_code;
using net::as_result;
using net::network_error;
using net::WireRequest;

constexpr std::string_view program = "argosy-agent/" ARGOSY_VERSION;
constexpr std::size_t least_buffer = 16 << 10;  // a record of TLS
constexpr Duration connect_limit{15'000};
constexpr std::chrono::seconds idle_limit{30};  // a connection unused for longer is not trusted to be alive

struct Connection {
  Connection(asio::any_io_executor io, std::shared_ptr<ssl::context> tls)
      : context(std::move(tls)), stream(io, *context) {}
  std::shared_ptr<ssl::context> context;
  net::TlsStream stream;
  beast::flat_buffer buffer;
  std::chrono::steady_clock::time_point idle_since{};
  bool reused = false;
};
using ConnectionPtr = std::unique_ptr<Connection>;

// What is slowed down here must not pile up in the system meanwhile.
void limit_read_ahead(beast::tcp_stream& socket, std::size_t bytes) {
  error_code ignored;
  socket.socket().set_option(
      asio::ip::tcp::socket::receive_buffer_size(static_cast<int>(std::max(bytes, least_buffer))), ignored);
}

// For messages: what follows the path may be a key to it.
std::string path_of(const HttpRequest& request) {
  return request.method + " " + request.target.substr(0, request.target.find('?'));
}

// An answer over the limit is not the server's word that what we sent is too large.
Error as_broken(Error error) {
  if (error.code == Errc::too_large) error.code = Errc::unavailable;
  return error;
}

}  // namespace

struct HttpsClient::Impl {
  asio::any_io_executor io;
  Endpoint endpoint;
  std::optional<Proxy> proxy;
  std::shared_ptr<ssl::context> tls;
  std::string pinned_sha256;
  ConnectionPtr idle;
  ServerClock server_clock;
  DeviceClock* clock = nullptr;
  std::optional<OutOfTime> out_of_time;  // of the newest handshake

  Task<Result<ConnectionPtr>> connect();
  void check_certificates_by_clock(net::TlsStream& stream);
  bool believes(bool ok, ssl::verify_context& context);
  Error as_of_time(Error error) const;
  void learn_time(std::string_view date, Duration took);
  Task<Result<void>> reach(beast::tcp_stream& socket);
  Task<Result<void>> tunnel(beast::tcp_stream& socket);
  Task<Result<ConnectionPtr>> connection(bool may_reuse);
  void put_back(ConnectionPtr connection, bool keep_alive);
  Task<Result<HttpResponse>> exchange(Connection& connection, const HttpRequest& request, bool& keep_alive);
  Task<Result<HttpHead>> transfer(Connection& connection, const HttpRequest& request, const DownloadSink& sink,
                                  bool& keep_alive);
};

HttpsClient::HttpsClient(asio::any_io_executor io, Endpoint endpoint, std::optional<Proxy> proxy, DeviceClock* clock)
    : impl_(std::make_shared<Impl>()) {
  impl_->clock = clock;
  impl_->io = std::move(io);
  impl_->endpoint = std::move(endpoint);
  impl_->proxy = std::move(proxy);
}
HttpsClient::~HttpsClient() = default;

const Endpoint& HttpsClient::endpoint() const {
  return impl_->endpoint;
}

Result<void> HttpsClient::set_trust(const Trust& trust) {
  ARGOSY_TRY(impl_->tls, make_tls_context(trust));
  impl_->pinned_sha256 = trust.ca_pem.empty() ? trust.ca_sha256 : "";
  impl_->idle.reset();
  return {};
}
bool HttpsClient::has_trust() const {
  return impl_->tls != nullptr;
}

std::optional<Duration> HttpsClient::clock_offset() const {
  return impl_->server_clock.offset(wall_clock_now());
}

Task<Result<ConnectionPtr>> HttpsClient::Impl::connect() {
  if (!tls) co_return make_error(Errc::unauthenticated, "there is no authority to trust yet");
  auto made = std::make_unique<Connection>(io, tls);
  ARGOSY_CO_CHECK(co_await reach(beast::get_lowest_layer(made->stream)));
  net::name_host(made->stream, endpoint.host);
  check_certificates_by_clock(made->stream);
  made->stream.set_verify_callback([this](bool ok, ssl::verify_context& context) { return believes(ok, context); });
  auto shaken = co_await net::shake_hands(made->stream, "no secure connection to " + endpoint.authority());
  if (!shaken) co_return as_of_time(std::move(shaken).error());
  co_return made;
}

void HttpsClient::Impl::check_certificates_by_clock(net::TlsStream& stream) {
  out_of_time.reset();
  if (clock == nullptr) return;
  const auto now = std::chrono::floor<std::chrono::seconds>(clock->now().time_since_epoch()).count();
  X509_VERIFY_PARAM_set_time(SSL_get0_param(stream.native_handle()), now);
}

// The signatures are checked before the time is: a certificate that is not good yet tells what time it is at least.
bool HttpsClient::Impl::believes(bool ok, ssl::verify_context& context) {
  const auto fault = ok ? std::nullopt : agent::out_of_time(context);
  if (fault) out_of_time = fault;
  if (fault && fault->not_yet && clock != nullptr && clock->proved(fault->good.not_before)) {
    X509_STORE_CTX_set_error(context.native_handle(), X509_V_OK);
    ok = true;
  }
  return verify_server(ok, context, endpoint.host, pinned_sha256);
}

Error HttpsClient::Impl::as_of_time(Error error) const {
  if (!out_of_time) return error;
  const std::string fault = clock == nullptr ? "" : clock->fault();
  error.message += ": the server's certificate is good from " + to_rfc3339(out_of_time->good.not_before) + " until " +
                   to_rfc3339(out_of_time->good.not_after) + ", and this device takes it to be " +
                   to_rfc3339(clock == nullptr ? wall_clock_now() : clock->now()) + " now" +
                   (fault.empty() ? "" : " (" + fault + ")");
  return error;
}

// The server wrote its answer some time in the exchange, and some time in the second that it names.
void HttpsClient::Impl::learn_time(std::string_view date, Duration took) {
  const auto named = parse_http_date(date);
  if (clock == nullptr || !named || took > ServerClock::longest_exchange) return;
  clock->heard(*named + Duration{500} + took / 2);
}

// Bytes to the server and back, at first hand or through the proxy.
Task<Result<void>> HttpsClient::Impl::reach(beast::tcp_stream& socket) {
  const Endpoint& first = proxy ? proxy->endpoint : endpoint;
  const std::string where = "cannot reach " + (proxy ? "the proxy " + proxy->address() : endpoint.authority());
  ARGOSY_CO_CHECK(co_await net::connect(socket, first, connect_limit, where));
  if (!proxy) co_return Result<void>();
  co_return co_await tunnel(socket);
}

// RFC 9110, section 9.3.6.
Task<Result<void>> HttpsClient::Impl::tunnel(beast::tcp_stream& socket) {
  const std::string to = endpoint.host_and_port();
  const std::string where = "the proxy " + proxy->address();
  HttpRequest request;
  request.method = "CONNECT";
  request.target = to;
  if (!proxy->user.empty()) request.headers.emplace_back("Proxy-Authorization", proxy->authorization());
  const WireRequest asking = net::to_wire(request, to, program);
  ARGOSY_CO_CHECK(co_await net::send(socket, asking, where));
  http::response_parser<http::empty_body> parser;
  parser.header_limit(net::http_head_limit);
  parser.skip(true);  // what follows belongs to the server
  beast::flat_buffer buffer;
  auto [unread, read] = co_await http::async_read_header(socket, buffer, parser, as_result);
  if (unread) co_return network_error(where, unread);
  const int status = static_cast<int>(parser.get().result_int());
  if (status / 100 == 2) co_return Result<void>();
  const std::string answer = where + " answered " + std::to_string(status) + " to CONNECT " + to;
  if (status == 407)
    co_return make_error(Errc::unauthenticated, answer + ": it wants another user or password (network.proxy)");
  co_return make_error(Errc::unavailable, answer);
}

Task<Result<ConnectionPtr>> HttpsClient::Impl::connection(bool may_reuse) {
  ConnectionPtr kept = std::move(idle);
  if (kept && may_reuse && std::chrono::steady_clock::now() - kept->idle_since < idle_limit) {
    kept->reused = true;
    co_return kept;
  }
  kept.reset();
  co_return co_await connect();
}

void HttpsClient::Impl::put_back(ConnectionPtr connection, bool keep_alive) {
  if (!keep_alive || connection->context != tls) return;
  beast::get_lowest_layer(connection->stream).expires_never();
  connection->idle_since = std::chrono::steady_clock::now();
  idle = std::move(connection);
}

Task<Result<HttpResponse>> HttpsClient::Impl::exchange(Connection& connection, const HttpRequest& request,
                                                       bool& keep_alive) {
  const std::string where = path_of(request);
  const WireRequest wire = net::to_wire(request, endpoint.authority(), program);
  beast::get_lowest_layer(connection.stream).expires_after(request.time_limit);
  const Instant asked_at = wall_clock_now();
  const auto asked = std::chrono::steady_clock::now();
  ARGOSY_CO_CHECK(co_await net::send(connection.stream, wire, where));
  auto received = co_await net::receive(connection.stream, connection.buffer, request, where);
  if (!received) co_return as_broken(std::move(received).error());
  keep_alive = received->keep_alive;
  const HttpHead& head = received->response.head;
  const auto date = head.header("date").value_or("");
  server_clock.heard(date, asked_at, wall_clock_now());
  learn_time(date, std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - asked));
  co_return std::move(received->response);
}

Task<Result<HttpResponse>> HttpsClient::request(HttpRequest request) {
  const auto impl = impl_;
  for (const bool may_reuse : {true, false}) {
    auto connection = co_await impl->connection(may_reuse);
    if (!connection) co_return std::move(connection).error();
    bool keep_alive = false;
    auto response = co_await impl->exchange(**connection, request, keep_alive);
    const bool was_stale = !response && (*connection)->reused && response.error().code == Errc::unavailable;
    if (was_stale) continue;
    if (response) impl->put_back(std::move(*connection), keep_alive);
    co_return response;
  }
  co_return make_error(Errc::unavailable, "the connection broke");
}

Task<Result<HttpHead>> HttpsClient::Impl::transfer(Connection& connection, const HttpRequest& request,
                                                   const DownloadSink& sink, bool& keep_alive) {
  const std::string where = path_of(request);
  auto& socket = beast::get_lowest_layer(connection.stream);
  const WireRequest wire = net::to_wire(request, endpoint.authority(), program);
  if (sink.read_ahead_bytes > 0) limit_read_ahead(socket, sink.read_ahead_bytes);
  socket.expires_after(request.time_limit);
  ARGOSY_CO_CHECK(co_await net::send(connection.stream, wire, where));
  http::response_parser<http::buffer_body> parser;
  parser.header_limit(net::http_head_limit);
  parser.body_limit(boost::none);
  auto [unread, read] = co_await http::async_read_header(connection.stream, connection.buffer, parser, as_result);
  if (unread) co_return network_error(where, unread);
  HttpHead head = net::head_of(parser.get());
  auto accepted = sink.on_head(head);
  if (!accepted) co_return std::move(accepted).error();
  if (head.status != 200 && head.status != 206) co_return head;
  asio::steady_timer pause(io);
  std::array<char, DownloadSink::largest_piece> piece;
  const std::size_t piece_bytes = std::min(sink.piece_bytes, piece.size());
  while (!parser.is_done()) {
    parser.get().body().data = piece.data();
    parser.get().body().size = piece_bytes;
    socket.expires_after(request.time_limit);
    auto [cut, count] = co_await http::async_read_some(connection.stream, connection.buffer, parser, as_result);
    if (cut && cut != http::error::need_buffer) co_return network_error(where, cut);
    const std::size_t filled = piece_bytes - parser.get().body().size;
    auto taken = sink.on_piece({piece.data(), filled});
    if (!taken) co_return std::move(taken).error();
    if (!sink.pause_after) continue;
    pause.expires_after(sink.pause_after(filled));
    co_await pause.async_wait(as_result);
  }
  keep_alive = parser.get().keep_alive();
  co_return head;
}

Task<Result<HttpHead>> HttpsClient::download(HttpRequest request, DownloadSink sink) {
  const auto impl = impl_;
  auto connection = co_await impl->connect();
  if (!connection) co_return std::move(connection).error();
  bool keep_alive = false;
  auto head = co_await impl->transfer(**connection, request, sink, keep_alive);
  if (head) impl->put_back(std::move(*connection), keep_alive);
  co_return head;
}

namespace {

Errc code_of_status(int status) {
  switch (status) {
    case 401:
      return Errc::unauthenticated;
    case 403:
      return Errc::forbidden;
    case 404:
    case 410:
      return Errc::not_found;
    case 408:
      return Errc::timeout;
    case 409:
      return Errc::conflict;
    case 413:
      return Errc::too_large;
    case 416:
      return Errc::range_not_satisfiable;
    case 429:
      return Errc::rate_limited;
    default:
      return status >= 500 ? Errc::unavailable : Errc::invalid_argument;
  }
}

constexpr std::size_t max_problem_bytes = 64 << 10;
constexpr std::size_t shown_detail_bytes = 500;

Errc code_of_type(std::string_view type, int status) {
  for (const Errc code :
       {Errc::claim_invalid, Errc::claim_expired, Errc::conflict, Errc::forbidden, Errc::unauthenticated})
    if (type.ends_with("/" + std::string(slug(code)))) return code;
  return code_of_status(status);
}

}  // namespace

Error error_of(const HttpResponse& response, std::string_view what) {
  const int status = response.head.status;
  std::string message = std::string(what) + ": the server answered " + std::to_string(status);
  const auto problem = parse_json(response.body, {.bytes = max_problem_bytes});
  if (!problem) return make_error(code_of_status(status), std::move(message));
  const std::string detail = text_in(*problem, "detail");
  if (!detail.empty()) message += ", " + shortened(detail, shown_detail_bytes);
  return make_error(code_of_type(text_in(*problem, "type"), status), std::move(message));
}

}  // namespace argosy::agent
