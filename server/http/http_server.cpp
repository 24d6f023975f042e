#include "server/http/http_server.hpp"

#include <map>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include "common/base/encoding.hpp"
#include "common/base/random.hpp"
#include "server/base/metrics.hpp"
#include "server/base/repeated_error.hpp"
#include "server/http/connection.hpp"

namespace argosy::server {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr auto with_error = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds pause_after_failed_accept{100};

}  // namespace

struct HttpServer::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::any_io_executor io_given, Options options_given, Dispatcher dispatcher, WorkerPool& file_reader)
      : io(io_given), options(std::move(options_given)), acceptor(io), drained(io) {
    context = std::make_shared<Connection::Context>(Connection::Context{io,
                                                                        std::move(dispatcher),
                                                                        file_reader,
                                                                        options.limits,
                                                                        1,
                                                                        to_hex(secure_random(3)) + "-",
                                                                        ConnectionBudget(options.connections),
                                                                        {}});
    context->close = [this](ConnectionBudget::Id id) { close(id); };
  }

  asio::any_io_executor io;
  Options options;
  tcp::acceptor acceptor;
  asio::steady_timer drained;  // cancelled when the last connection has gone
  RepeatedError refusals{"accepting a connection"};
  std::shared_ptr<asio::ssl::context> tls;
  std::shared_ptr<Connection::Context> context;
  std::map<ConnectionBudget::Id, std::shared_ptr<Connection>> connections;

  Result<void> bind() {
    error_code error;
    const auto address = asio::ip::make_address(options.address, error);
    if (error) return make_error(Errc::invalid_argument, "'" + options.address + "' is not an IP address to listen on");
    const tcp::endpoint endpoint(address, options.port);
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (!error) return {};
    return make_error(
        error == asio::error::address_in_use ? Errc::conflict : Errc::io,
        "cannot listen on " + options.address + ":" + std::to_string(options.port) + ": " + error.message());
  }

  static Task<void> accept_all(std::shared_ptr<Impl> self) {
    asio::steady_timer pause(self->io);
    for (;;) {
      auto accepting = self->acceptor.async_accept(with_error);
      auto [error, socket] = co_await std::move(accepting);
      if (!self->acceptor.is_open()) co_return;
      if (error) {  // out of descriptors, most likely: let some connections end
        self->refusals.report(make_error(Errc::io, error.message()));
        pause.expires_after(pause_after_failed_accept);
        co_await pause.async_wait(with_error);
        continue;
      }
      self->welcome(std::move(socket));
    }
  }

  void close(ConnectionBudget::Id id) {
    const auto found = connections.find(id);
    if (found != connections.end()) found->second->close();
  }

  void welcome(tcp::socket socket) {
    error_code ignored;
    const auto peer = socket.remote_endpoint(ignored);
    const auto admission = context->budget.admit(peer.address().to_string());
    if (!admission) {
      socket.close(ignored);
      return;
    }
    if (admission->evicted) close(*admission->evicted);
    socket.set_option(tcp::no_delay(true), ignored);
    auto stream = tls ? make_tls_stream(std::move(socket), *tls) : make_tcp_stream(std::move(socket));
    auto connection = std::make_shared<Connection>(admission->id, std::move(stream), context);
    connections.emplace(admission->id, connection);
    const auto finished = [self = shared_from_this(), id = admission->id](const std::exception_ptr& failure) {
      self->farewell(id, failure);
    };
    asio::co_spawn(io, connection->run(), finished);
  }

  void farewell(ConnectionBudget::Id id, const std::exception_ptr& failure) {
    context->budget.leave(id);
    connections.erase(id);
    if (connections.empty()) drained.cancel();
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const std::exception& exception) {
      spdlog::error("a connection failed: {}", exception.what());
    }
  }

  void stop_accepting() {
    error_code ignored;
    acceptor.close(ignored);
    const auto present = connections;
    for (const auto& [id, connection] : present) connection->stop();
  }
};

HttpServer::HttpServer(asio::any_io_executor io, Options options, Dispatcher dispatcher, WorkerPool& file_reader)
    : impl_(std::make_shared<Impl>(std::move(io), std::move(options), std::move(dispatcher), file_reader)) {}

HttpServer::~HttpServer() {
  error_code ignored;
  impl_->acceptor.close(ignored);
  for (const auto& [id, connection] : impl_->connections) connection->close();
}

Result<void> HttpServer::start() {
  if (impl_->options.tls) {
    ARGOSY_TRY(impl_->tls, make_tls_context(*impl_->options.tls));
  }
  ARGOSY_CHECK(impl_->bind());
  asio::co_spawn(impl_->io, Impl::accept_all(impl_), asio::detached);
  return {};
}

std::uint16_t HttpServer::port() const {
  error_code ignored;
  return impl_->acceptor.local_endpoint(ignored).port();
}

std::size_t HttpServer::connections() const {
  return impl_->connections.size();
}

void HttpServer::close_connections_of(std::string_view fingerprint) {
  const auto present = impl_->connections;
  for (const auto& [number, connection] : present) {
    if (connection->is_of(fingerprint)) connection->close();
  }
}

std::size_t HttpServer::strangers() const {
  return impl_->context->budget.strangers();
}

ConnectionBudget::Counters HttpServer::counters() const {
  return impl_->context->budget.counters();
}

Task<void> HttpServer::stop(std::chrono::steady_clock::duration grace) {
  const auto impl = impl_;
  impl->stop_accepting();
  if (impl->connections.empty()) co_return;
  impl->drained.expires_after(grace);
  co_await impl->drained.async_wait(with_error);
  const auto left = impl->connections;
  for (const auto& [id, connection] : left) connection->close();
}

void add_metrics(Metrics& metrics, const std::string& name, const std::string& whose, const HttpServer& server) {
  const std::string prefix = "argosy_http_" + name + "_";
  metrics.sampled_gauge(prefix + "connections", "Open connections of " + whose,
                        [&server] { return server.connections(); });
  metrics.sampled_gauge(prefix + "strangers", "Connections on which nobody has signed in",
                        [&server] { return server.strangers(); });
  metrics.sampled_counter(prefix + "turned_away_total", "Connections for which there was no room",
                          [&server] { return server.counters().turned_away; });
  metrics.sampled_counter(prefix + "evicted_total", "Connections closed to make room for another",
                          [&server] { return server.counters().evicted; });
}

}  // namespace argosy::server
