// The composition root: makes every part of argosyd from the configuration, ties them together, starts and stops them.
// The only place that sees everything. On the I/O thread.
#pragma once

#include <cstdint>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "common/base/error.hpp"
#include "server/app/config.hpp"
#include "server/base/task.hpp"

namespace argosy::server {

class Router;

class Server {
 public:
  // Reads certificates and migrates the database: blocking, before the I/O thread runs.
  static Result<std::unique_ptr<Server>> create(boost::asio::io_context& io, const Config& config);
  ~Server();

  Task<Result<void>> start();
  // Finishes what is under way, for at most shutdown.grace_ms.
  Task<void> stop();

  std::uint16_t operator_port() const;
  std::uint16_t device_port() const;   // 0 when that listener is off
  std::uint16_t metrics_port() const;  // 0 when the operators' listener serves them
  const Router& operator_routes() const;
  const Router& device_routes() const;

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace argosy::server
