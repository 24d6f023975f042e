#include "agent/link/local_http.hpp"

#include <chrono>
#include <optional>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "net/http_steps.hpp"

namespace argosy::agent {

namespace {

namespace asio = boost::asio;

constexpr std::chrono::milliseconds slice{100};  // stop() waits no longer

net::HttpRequest request_of(const HttpCall& call, const net::HttpUrl& url) {
  net::HttpRequest request;
  request.method = call.method;
  request.target = url.target.empty() ? "/" : url.target;
  request.headers = {{"Connection", "close"}};
  request.body = call.body;
  request.content_type.clear();
  request.response_limit = call.response_limit;
  return request;
}

asio::awaitable<Result<HttpReply>> exchange(asio::io_context& io, const HttpCall& call, net::HttpUrl url) {
  const std::string what = call.method + " " + call.url;
  const net::HttpRequest request = request_of(call, url);
  const net::WireRequest wire = net::to_wire(request, url.endpoint.authority(), "argosy-agent/" ARGOSY_VERSION);
  net::TcpStream stream(io);
  ARGOSY_CO_CHECK(co_await net::connect(stream, url.endpoint, call.time_limit, what));
  ARGOSY_CO_CHECK(co_await net::send(stream, wire, what));
  boost::beast::flat_buffer buffer;
  ARGOSY_CO_TRY(net::Received received, co_await net::receive(stream, buffer, request, what));
  HttpReply reply{received.response.head.status, std::move(received.response.body)};
  co_return reply;
}

asio::awaitable<void> run(asio::io_context& io, const HttpCall& call, net::HttpUrl url,
                          std::optional<Result<HttpReply>>& outcome) {
  outcome.emplace(co_await exchange(io, call, std::move(url)));
}

}  // namespace

Result<HttpReply> LocalHttp::send(const HttpCall& call) {
  ARGOSY_TRY(net::HttpUrl url, net::parse_http_url(call.url));
  std::optional<Result<HttpReply>> outcome;
  boost::asio::io_context io(1);
  boost::asio::co_spawn(io, run(io, call, std::move(url), outcome), boost::asio::detached);
  while (!outcome && !stopped_ && !io.stopped()) io.run_for(slice);
  if (outcome) return std::move(*outcome);
  return make_error(Errc::cancelled, call.method + " " + call.url + ": the agent stops");
}

}  // namespace argosy::agent
