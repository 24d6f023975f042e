// The steps of an exchange over HTTP/1.1, by TCP or TLS. Coroutines on the stream's executor; what they are given stays
// the caller's until they end. A deadline is the stream's: connect() sets one, and the caller another for what follows.
//
// Errors begin with `what`: Errc::timeout; Errc::unauthenticated: TLS, one of the two does not trust the other;
// Errc::too_large: the answer's body is over the limit; Errc::unavailable: everything else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include "common/base/error.hpp"
#include "net/http.hpp"
#include "net/url.hpp"

namespace argosy::net {

using TcpStream = boost::beast::tcp_stream;
using TlsStream = boost::beast::ssl_stream<boost::beast::tcp_stream>;
using WireRequest = boost::beast::http::request<boost::beast::http::string_body>;

inline constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable);
inline constexpr std::size_t http_head_limit = 16 << 10;

Error network_error(std::string_view what, const boost::system::error_code& code);

// `host` as the Host header says it, `program` as User-Agent does.
void write_head(boost::beast::http::request_header<>& head, const HttpRequest& request, std::string_view host,
                std::string_view program);
WireRequest to_wire(const HttpRequest& request, std::string_view host, std::string_view program);
HttpHead head_of(const boost::beast::http::response_header<>& head);

// Finds the host and connects; from there on, and for what follows, `limit` counts.
boost::asio::awaitable<Result<void>> connect(TcpStream& stream, const Endpoint& to, Duration limit,
                                             const std::string& what);
boost::asio::awaitable<Result<void>> shake_hands(TlsStream& stream, const std::string& what);

struct Received {
  HttpResponse response;
  bool keep_alive = false;
};

template <class Stream>
boost::asio::awaitable<Result<void>> send(Stream& stream, const WireRequest& request, const std::string& what) {
  auto [unsent, sent] = co_await boost::beast::http::async_write(stream, request, as_result);
  if (unsent) co_return network_error(what, unsent);
  co_return Result<void>();
}

// The answer to `request`, as a whole.
template <class Stream>
boost::asio::awaitable<Result<Received>> receive(Stream& stream, boost::beast::flat_buffer& buffer,
                                                 const HttpRequest& request, const std::string& what) {
  boost::beast::http::response_parser<boost::beast::http::string_body> parser;
  parser.header_limit(http_head_limit);
  parser.body_limit(request.response_limit);
  parser.skip(request.method == "HEAD");
  auto [unread, read] = co_await boost::beast::http::async_read(stream, buffer, parser, as_result);
  if (unread) co_return network_error(what, unread);
  co_return Received{{head_of(parser.get()), std::move(parser.get().body())}, parser.get().keep_alive()};
}

}  // namespace argosy::net
