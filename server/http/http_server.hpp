// One listener: accepts connections, bounds how many, and ends them gracefully. On the I/O thread. Knows no domain
// word: routes, authentication and logging come in the Dispatcher.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "server/base/task.hpp"
#include "server/http/connection_budget.hpp"
#include "server/http/dispatcher.hpp"
#include "server/http/request_reader.hpp"
#include "server/http/tls_context.hpp"
#include "server/work/worker_pool.hpp"

namespace argosy::server {

class Metrics;

class HttpServer {
 public:
  struct Options {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;  // 0: any free one; port() tells
    std::optional<TlsFiles> tls;
    ConnectionBudget::Limits connections;
    RequestReader::Limits limits;
  };
  // `file_reader` reads the files of FileBody responses; it outlives the server.
  HttpServer(boost::asio::any_io_executor io, Options options, Dispatcher dispatcher, WorkerPool& file_reader);
  ~HttpServer();

  Result<void> start();  // binds and accepts; Errc::conflict when the port is taken
  std::uint16_t port() const;
  std::size_t connections() const;
  // Ends every connection whose peer came with this certificate (fingerprint in hex), whatever it is doing.
  void close_connections_of(std::string_view fingerprint);
  std::size_t strangers() const;  // connections on which nobody has signed yet
  ConnectionBudget::Counters counters() const;
  // Accepts no more, lets responses finish for at most `grace`, then closes what is left.
  Task<void> stop(std::chrono::steady_clock::duration grace);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// Of the listener `name`, with the connections of `whose`.
void add_metrics(Metrics& metrics, const std::string& name, const std::string& whose, const HttpServer& server);

}  // namespace argosy::server
