#include "agent/link/local_http.hpp"

#include <chrono>
#include <optional>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "agent/link/endpoint.hpp"

namespace argosy::agent {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t head_limit = 16 << 10;
constexpr std::chrono::milliseconds slice{100};  // stop() waits no longer

Error failure(const HttpCall& call, const error_code& code) {
  const Errc kind = code == beast::error::timeout     ? Errc::timeout
                    : code == http::error::body_limit ? Errc::too_large
                                                      : Errc::unavailable;
  return make_error(kind, call.method + " " + call.url + ": " + code.message());
}

http::request<http::string_body> to_wire(const HttpCall& call, const HttpUrl& url) {
  http::request<http::string_body> wire;
  wire.version(11);
  wire.method_string(call.method);
  wire.target(url.target.empty() ? "/" : url.target);
  wire.set(http::field::host, url.endpoint.authority());
  wire.set(http::field::user_agent, "argosy-agent/" ARGOSY_VERSION);
  wire.set(http::field::connection, "close");
  wire.body() = call.body;
  wire.prepare_payload();
  return wire;
}

asio::awaitable<Result<HttpReply>> exchange(asio::io_context& io, const HttpCall& call, HttpUrl url) {
  tcp::resolver resolver(io);
  auto [unresolved, addresses] = co_await resolver.async_resolve(url.endpoint.host, url.endpoint.port, as_result);
  if (unresolved) co_return failure(call, unresolved);
  beast::tcp_stream stream(io);
  stream.expires_after(call.time_limit);
  auto [unconnected, address] = co_await stream.async_connect(addresses, as_result);
  if (unconnected) co_return failure(call, unconnected);
  const auto wire = to_wire(call, url);
  auto [unsent, sent] = co_await http::async_write(stream, wire, as_result);
  if (unsent) co_return failure(call, unsent);
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.header_limit(head_limit);
  parser.body_limit(call.response_limit);
  auto [unread, read] = co_await http::async_read(stream, buffer, parser, as_result);
  if (unread) co_return failure(call, unread);
  HttpReply reply{static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
  co_return reply;
}

asio::awaitable<void> run(asio::io_context& io, const HttpCall& call, HttpUrl url,
                          std::optional<Result<HttpReply>>& outcome) {
  outcome.emplace(co_await exchange(io, call, std::move(url)));
}

}  // namespace

Result<HttpReply> LocalHttp::send(const HttpCall& call) {
  ARGOSY_TRY(HttpUrl url, parse_http_url(call.url));
  std::optional<Result<HttpReply>> outcome;
  boost::asio::io_context io(1);
  boost::asio::co_spawn(io, run(io, call, std::move(url), outcome), boost::asio::detached);
  while (!outcome && !stopped_ && !io.stopped()) io.run_for(slice);
  if (outcome) return std::move(*outcome);
  return make_error(Errc::cancelled, call.method + " " + call.url + ": the agent stops");
}

}  // namespace argosy::agent
