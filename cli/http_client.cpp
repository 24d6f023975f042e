#include "cli/http_client.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

namespace argosy::cli {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Plain = beast::tcp_stream;
using Tls = beast::ssl_stream<beast::tcp_stream>;

namespace {

constexpr std::uint64_t response_limit = 64ULL << 20;

template <class Body>
void fill_head(http::request<Body>& message, const Url& server, const HttpRequest& request) {
  message.method_string(request.method);
  message.target(request.target);
  message.version(11);
  message.set(http::field::host, server.host + ":" + std::to_string(server.port));
  message.set(http::field::user_agent, "argosy/" ARGOSY_VERSION);
  for (const auto& [name, value] : request.headers) message.set(name, value);
}

template <class Stream, class Body>
asio::awaitable<void> write_request(Stream& stream, http::request<Body>& message, const HttpOptions& options,
                                    const HttpRequest& request) {
  http::request_serializer<Body> serializer(message);
  std::uint64_t sent = 0;
  while (!serializer.is_done()) {
    beast::get_lowest_layer(stream).expires_after(options.timeout);
    sent += co_await http::async_write_some(stream, serializer, asio::use_awaitable);
    if (request.on_progress) request.on_progress(sent);
  }
}

template <class Stream>
asio::awaitable<HttpResponse> exchange(Stream& stream, const Url& server, const HttpOptions& options,
                                       const HttpRequest& request) {
  if (request.body_file) {
    http::request<http::file_body> message;
    fill_head(message, server, request);
    beast::error_code error;
    message.body().open(request.body_file->c_str(), beast::file_mode::scan, error);
    if (error) throw beast::system_error(error);
    message.prepare_payload();
    co_await write_request(stream, message, options, request);
  } else {
    http::request<http::string_body> message;
    fill_head(message, server, request);
    message.body() = request.body;
    message.prepare_payload();
    co_await write_request(stream, message, options, request);
  }
  http::response_parser<http::string_body> parser;
  parser.body_limit(response_limit);
  if (request.method == "HEAD") parser.skip(true);
  beast::flat_buffer buffer;
  beast::get_lowest_layer(stream).expires_after(options.timeout);
  co_await http::async_read(stream, buffer, parser, asio::use_awaitable);

  HttpResponse response;
  response.status = parser.get().result_int();
  for (const auto& field : parser.get()) {
    std::string name(field.name_string());
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    response.headers[name] = std::string(field.value());
  }
  response.body = std::move(parser.get().body());
  co_return response;
}

asio::awaitable<void> connect(Plain& stream, const Url& server, const HttpOptions& options) {
  asio::ip::tcp::resolver resolver(stream.get_executor());
  const auto endpoints = co_await resolver.async_resolve(server.host, std::to_string(server.port), asio::use_awaitable);
  stream.expires_after(options.timeout);
  co_await stream.async_connect(endpoints, asio::use_awaitable);
}

asio::awaitable<HttpResponse> converse(const Url& server, const HttpOptions& options, const HttpRequest& request) {
  const auto executor = co_await asio::this_coro::executor;
  if (!server.tls) {
    Plain stream(executor);
    co_await connect(stream, server, options);
    co_return co_await exchange(stream, server, options, request);
  }
  asio::ssl::context context(asio::ssl::context::tls_client);
  if (options.ca_file.empty()) {
    context.set_default_verify_paths();
  } else {
    context.load_verify_file(options.ca_file);
  }
  context.set_verify_mode(asio::ssl::verify_peer);
  Tls stream(executor, context);
  stream.set_verify_callback(asio::ssl::host_name_verification(server.host));
  SSL_set_tlsext_host_name(stream.native_handle(), server.host.c_str());
  co_await connect(stream.next_layer(), server, options);
  co_await stream.async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
  co_return co_await exchange(stream, server, options, request);
}

}  // namespace

Result<HttpResponse> send_http(const Url& server, const HttpOptions& options, const HttpRequest& request) {
  asio::io_context io;
  Result<HttpResponse> outcome = make_error(Errc::unavailable, "no answer");
  asio::co_spawn(io, converse(server, options, request), [&](std::exception_ptr failure, HttpResponse response) {
    if (!failure) {
      outcome = std::move(response);
      return;
    }
    try {
      std::rethrow_exception(failure);
    } catch (const beast::system_error& e) {
      const bool late = e.code() == beast::error::timeout;
      outcome = make_error(late ? Errc::timeout : Errc::unavailable,
                           "no answer from " + server.to_string() + ": " + e.code().message());
    } catch (const std::exception& e) {
      outcome = make_error(Errc::unavailable, "no answer from " + server.to_string() + ": " + e.what());
    }
  });
  io.run();
  return outcome;
}

}  // namespace argosy::cli
