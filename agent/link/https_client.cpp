#include "agent/link/https_client.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include "agent/link/server_clock.hpp"
#include "common/base/text.hpp"
#include "common/json/json_look.hpp"
#include "common/json/json_text.hpp"

namespace argosy::agent {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t head_limit = 16 << 10;
constexpr std::size_t least_buffer = 16 << 10;  // a record of TLS
constexpr Duration connect_limit{15'000};
constexpr std::chrono::seconds idle_limit{30};  // a connection unused for longer is not trusted to be alive

struct Connection {
  Connection(asio::any_io_executor io, std::shared_ptr<ssl::context> tls)
      : context(std::move(tls)), stream(io, *context) {}
  std::shared_ptr<ssl::context> context;
  beast::ssl_stream<beast::tcp_stream> stream;
  beast::flat_buffer buffer;
  std::chrono::steady_clock::time_point idle_since{};
  bool reused = false;
};
using ConnectionPtr = std::unique_ptr<Connection>;
using WireRequest = http::request<http::string_body>;

bool is_tls_refusal(const error_code& code) {
  return code.category() == asio::error::get_ssl_category() && code != ssl::error::stream_truncated;
}

Error network_error(std::string_view what, const error_code& code) {
  const Errc kind = code == beast::error::timeout ? Errc::timeout
                    : is_tls_refusal(code)        ? Errc::unauthenticated
                                                  : Errc::unavailable;
  return make_error(kind, std::string(what) + ": " + code.message());
}

// What is slowed down here must not pile up in the system meanwhile.
void limit_read_ahead(beast::tcp_stream& socket, std::size_t bytes) {
  error_code ignored;
  socket.socket().set_option(tcp::socket::receive_buffer_size(static_cast<int>(std::max(bytes, least_buffer))),
                             ignored);
}

// For messages: what follows the path may be a key to it.
std::string path_of(const HttpRequest& request) {
  return request.method + " " + request.target.substr(0, request.target.find('?'));
}

WireRequest to_wire(const HttpRequest& request, const Endpoint& endpoint) {
  WireRequest wire;
  wire.version(11);
  wire.method_string(request.method);
  wire.target(request.target);
  wire.set(http::field::host, endpoint.authority());
  wire.set(http::field::user_agent, "argosy-agent/" ARGOSY_VERSION);
  for (const auto& [name, value] : request.headers) wire.set(name, value);
  if (!request.body.empty()) wire.set(http::field::content_type, request.content_type);
  wire.body() = request.body;
  wire.prepare_payload();
  return wire;
}

// "Mon, 23 Nov 2026 04:00:00 GMT"
std::optional<std::int64_t> seconds_of_date(const std::string& text) {
  std::tm date{};
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return ::timegm(&date);
}

template <class Message>
HttpHead head_of(const Message& message) {
  HttpHead head;
  head.status = static_cast<int>(message.result_int());
  for (const auto& field : message) {
    std::string name(field.name_string());
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    head.headers[name] = std::string(field.value());
  }
  return head;
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

  Task<Result<ConnectionPtr>> connect();
  Task<Result<void>> reach(beast::tcp_stream& socket);
  Task<Result<void>> tunnel(beast::tcp_stream& socket);
  Task<Result<ConnectionPtr>> connection(bool may_reuse);
  void put_back(ConnectionPtr connection, bool keep_alive);
  Task<Result<HttpResponse>> exchange(Connection& connection, const HttpRequest& request, bool& keep_alive);
  Task<Result<HttpHead>> transfer(Connection& connection, const HttpRequest& request, const DownloadSink& sink,
                                  bool& keep_alive);
};

std::optional<std::string> HttpHead::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Duration> HttpHead::retry_after() const {
  const auto text = header("retry-after");
  if (!text) return std::nullopt;
  std::int64_t seconds = 0;
  const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (failed != std::errc{} || end != text->data() + text->size()) {
    const auto then = seconds_of_date(*text);
    const auto sent = seconds_of_date(header("date").value_or(""));
    if (!then || !sent) return std::nullopt;
    seconds = *then - *sent;
  }
  return Duration{std::clamp<std::int64_t>(seconds, 0, 86400) * 1000};
}

HttpsClient::HttpsClient(asio::any_io_executor io, Endpoint endpoint, std::optional<Proxy> proxy)
    : impl_(std::make_shared<Impl>()) {
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
  SSL_set_tlsext_host_name(made->stream.native_handle(), endpoint.host.c_str());
  made->stream.set_verify_callback([host = endpoint.host, pin = pinned_sha256](bool ok, ssl::verify_context& context) {
    return verify_server(ok, context, host, pin);
  });
  auto [refused] = co_await made->stream.async_handshake(ssl::stream_base::client, as_result);
  if (refused) co_return network_error("no secure connection to " + endpoint.authority(), refused);
  co_return made;
}

// Bytes to the server and back, at first hand or through the proxy.
Task<Result<void>> HttpsClient::Impl::reach(beast::tcp_stream& socket) {
  const Endpoint& first = proxy ? proxy->endpoint : endpoint;
  const std::string where = "cannot reach " + (proxy ? "the proxy " + proxy->address() : endpoint.authority());
  tcp::resolver resolver(io);
  auto [unresolved, addresses] = co_await resolver.async_resolve(first.host, first.port, as_result);
  if (unresolved) co_return network_error(where, unresolved);
  socket.expires_after(connect_limit);
  auto [unconnected, address] = co_await socket.async_connect(addresses, as_result);
  if (unconnected) co_return network_error(where, unconnected);
  error_code ignored;
  socket.socket().set_option(tcp::no_delay(true), ignored);
  if (!proxy) co_return Result<void>();
  co_return co_await tunnel(socket);
}

// RFC 9110, section 9.3.6.
Task<Result<void>> HttpsClient::Impl::tunnel(beast::tcp_stream& socket) {
  const std::string to = endpoint.host_and_port();
  const std::string where = "the proxy " + proxy->address();
  http::request<http::empty_body> asking(http::verb::connect, to, 11);
  asking.set(http::field::host, to);
  asking.set(http::field::user_agent, "argosy-agent/" ARGOSY_VERSION);
  if (!proxy->user.empty()) asking.set(http::field::proxy_authorization, proxy->authorization());
  auto [unsent, sent] = co_await http::async_write(socket, asking, as_result);
  if (unsent) co_return network_error(where, unsent);
  http::response_parser<http::empty_body> parser;
  parser.header_limit(head_limit);
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
  const WireRequest wire = to_wire(request, endpoint);
  beast::get_lowest_layer(connection.stream).expires_after(request.time_limit);
  const Instant asked_at = wall_clock_now();
  auto [unsent, sent] = co_await http::async_write(connection.stream, wire, as_result);
  if (unsent) co_return network_error(where, unsent);
  http::response_parser<http::string_body> parser;
  parser.header_limit(head_limit);
  parser.body_limit(request.response_limit);
  auto [unread, read] = co_await http::async_read(connection.stream, connection.buffer, parser, as_result);
  if (unread) co_return network_error(where, unread);
  keep_alive = parser.get().keep_alive();
  HttpResponse response{head_of(parser.get()), std::move(parser.get().body())};
  server_clock.heard(response.head.header("date").value_or(""), asked_at, wall_clock_now());
  co_return response;
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
  const WireRequest wire = to_wire(request, endpoint);
  if (sink.read_ahead_bytes > 0) limit_read_ahead(socket, sink.read_ahead_bytes);
  socket.expires_after(request.time_limit);
  auto [unsent, sent] = co_await http::async_write(connection.stream, wire, as_result);
  if (unsent) co_return network_error(where, unsent);
  http::response_parser<http::buffer_body> parser;
  parser.header_limit(head_limit);
  parser.body_limit(boost::none);
  auto [unread, read] = co_await http::async_read_header(connection.stream, connection.buffer, parser, as_result);
  if (unread) co_return network_error(where, unread);
  HttpHead head = head_of(parser.get());
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
