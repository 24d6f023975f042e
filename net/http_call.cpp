#include "net/http_call.hpp"

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "net/http_steps.hpp"
#include "net/tls_client.hpp"

namespace argosy::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

namespace {

struct Call {
  const HttpServer& server;
  const HttpRequest& request;
  const std::string& program;
  const std::optional<Upload>& upload;
  const TakePiece& take;
  const std::string what = "no answer from " + server.url.to_string();
};

// Piece by piece: each has the time limit.
template <class Stream, class Body>
asio::awaitable<Result<void>> send_pieces(Stream& stream, http::request<Body>& message, const Call& call) {
  http::request_serializer<Body> serializer(message);
  std::uint64_t sent = 0;
  while (!serializer.is_done()) {
    beast::get_lowest_layer(stream).expires_after(call.request.time_limit);
    auto [unsent, count] = co_await http::async_write_some(stream, serializer, as_result);
    if (unsent) co_return network_error(call.what, unsent);
    sent += count;
    if (call.upload && call.upload->on_progress) call.upload->on_progress(sent);
  }
  co_return Result<void>();
}

template <class Stream>
asio::awaitable<Result<void>> send_file(Stream& stream, const Call& call, const std::string& host) {
  http::request<http::file_body> message;
  write_head(message, call.request, host, call.program);
  beast::error_code unreadable;
  message.body().open(call.upload->file.c_str(), beast::file_mode::scan, unreadable);
  if (unreadable) co_return network_error(call.what, unreadable);
  message.prepare_payload();
  co_return co_await send_pieces(stream, message, call);
}

// Piece by piece: each has the time limit.
template <class Stream>
asio::awaitable<Result<HttpResponse>> receive_pieces(Stream& stream, beast::flat_buffer& buffer, const Call& call) {
  http::response_parser<http::buffer_body> parser;
  parser.header_limit(http_head_limit);
  parser.body_limit(boost::none);
  auto [unread, read] = co_await http::async_read_header(stream, buffer, parser, as_result);
  if (unread) co_return network_error(call.what, unread);
  HttpResponse response{head_of(parser.get()), {}};
  std::vector<char> room(64 << 10);
  while (!parser.is_done()) {
    parser.get().body().data = room.data();
    parser.get().body().size = room.size();
    beast::get_lowest_layer(stream).expires_after(call.request.time_limit);
    auto [cut, count] = co_await http::async_read_some(stream, buffer, parser, as_result);
    if (cut && cut != http::error::need_buffer) co_return network_error(call.what, cut);
    const std::string_view piece(room.data(), room.size() - parser.get().body().size);
    if (response.head.status == 200) {
      ARGOSY_CO_CHECK(call.take(piece));
    } else if (response.body.size() + piece.size() <= call.request.response_limit) {
      response.body += piece;
    } else {
      co_return make_error(Errc::too_large, call.what + ": the answer is too large");
    }
  }
  co_return response;
}

template <class Stream>
asio::awaitable<Result<HttpResponse>> exchange(Stream& stream, const Call& call) {
  const std::string host = call.server.url.endpoint.host_and_port();
  if (call.upload) {
    ARGOSY_CO_CHECK(co_await send_file(stream, call, host));
  } else {
    WireRequest message = to_wire(call.request, host, call.program);
    ARGOSY_CO_CHECK(co_await send_pieces(stream, message, call));
  }
  beast::flat_buffer buffer;
  beast::get_lowest_layer(stream).expires_after(call.request.time_limit);
  if (call.take) co_return co_await receive_pieces(stream, buffer, call);
  ARGOSY_CO_TRY(Received received, co_await receive(stream, buffer, call.request, call.what));
  co_return std::move(received.response);
}

asio::awaitable<Result<HttpResponse>> converse(const Call& call) {
  const auto executor = co_await asio::this_coro::executor;
  const Endpoint& endpoint = call.server.url.endpoint;
  if (!call.server.url.tls) {
    TcpStream stream(executor);
    ARGOSY_CO_CHECK(co_await connect(stream, endpoint, call.request.time_limit, call.what));
    co_return co_await exchange(stream, call);
  }
  TlsClientOptions options;
  options.authorities_file = call.server.ca_file;
  options.system_authorities = call.server.ca_file.empty();
  ARGOSY_CO_TRY(const auto context, make_client_context(options));
  TlsStream stream(executor, *context);
  expect_host(stream, endpoint.host);
  ARGOSY_CO_CHECK(co_await connect(beast::get_lowest_layer(stream), endpoint, call.request.time_limit, call.what));
  ARGOSY_CO_CHECK(co_await shake_hands(stream, call.what));
  co_return co_await exchange(stream, call);
}

asio::awaitable<void> run(const Call& call, std::optional<Result<HttpResponse>>& outcome) {
  outcome.emplace(co_await converse(call));
}

}  // namespace

Result<HttpResponse> call_http(const HttpServer& server, const HttpRequest& request, const std::string& program,
                               const std::optional<Upload>& upload, const TakePiece& take, std::stop_token stop) {
  const Call call{server, request, program, upload, take};
  asio::io_context io(1);
  std::optional<Result<HttpResponse>> outcome;
  asio::co_spawn(io, run(call, outcome), asio::detached);
  const std::stop_callback end(std::move(stop), [&io] { io.stop(); });
  io.run();
  if (!outcome) return make_error(Errc::unavailable, call.what);
  return std::move(*outcome);
}

}  // namespace argosy::net
