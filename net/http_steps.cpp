#include "net/http_steps.hpp"

#include <algorithm>
#include <cctype>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/error.hpp>

namespace argosy::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

namespace {

bool is_tls_refusal(const error_code& code) {
  return code.category() == asio::error::get_ssl_category() && code != asio::ssl::error::stream_truncated;
}

Errc kind_of(const error_code& code) {
  if (code == beast::error::timeout) return Errc::timeout;
  if (code == http::error::body_limit) return Errc::too_large;
  return is_tls_refusal(code) ? Errc::unauthenticated : Errc::unavailable;
}

}  // namespace

Error network_error(std::string_view what, const error_code& code) {
  return make_error(kind_of(code), std::string(what) + ": " + code.message());
}

void write_head(http::request_header<>& head, const HttpRequest& request, std::string_view host,
                std::string_view program) {
  const auto text = [](std::string_view view) { return beast::string_view(view.data(), view.size()); };
  head.version(11);
  head.method_string(request.method);
  head.target(request.target);
  head.set(http::field::host, text(host));
  head.set(http::field::user_agent, text(program));
  for (const auto& [name, value] : request.headers) head.set(name, value);
  if (!request.body.empty() && !request.content_type.empty()) head.set(http::field::content_type, request.content_type);
}

WireRequest to_wire(const HttpRequest& request, std::string_view host, std::string_view program) {
  WireRequest wire;
  write_head(wire, request, host, program);
  wire.body() = request.body;
  wire.prepare_payload();
  return wire;
}

HttpHead head_of(const http::response_header<>& message) {
  HttpHead head;
  head.status = static_cast<int>(message.result_int());
  for (const auto& field : message) {
    std::string name(field.name_string());
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    head.headers[name] = std::string(field.value());
  }
  return head;
}

asio::awaitable<Result<void>> connect(TcpStream& stream, const Endpoint& to, Duration limit, const std::string& what) {
  asio::ip::tcp::resolver resolver(stream.get_executor());
  auto [unresolved, addresses] = co_await resolver.async_resolve(to.host, to.port, as_result);
  if (unresolved) co_return network_error(what, unresolved);
  stream.expires_after(limit);
  auto [unconnected, address] = co_await stream.async_connect(addresses, as_result);
  if (unconnected) co_return network_error(what, unconnected);
  error_code ignored;
  stream.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  co_return Result<void>();
}

asio::awaitable<Result<void>> shake_hands(TlsStream& stream, const std::string& what) {
  auto [refused] = co_await stream.async_handshake(asio::ssl::stream_base::client, as_result);
  if (refused) co_return network_error(what, refused);
  co_return Result<void>();
}

}  // namespace argosy::net
