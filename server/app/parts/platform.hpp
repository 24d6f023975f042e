// What every part stands on: executor, configuration, metrics, database, and the rounds of every instance. Made first
// and ends last. On the I/O thread; the pools have threads of their own.
#pragma once

#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "server/app/config.hpp"
#include "server/base/loop.hpp"
#include "server/base/metrics.hpp"
#include "server/db/db_pool.hpp"
#include "server/work/worker_pool.hpp"

namespace argosy::server {

struct Platform {
  Platform(boost::asio::any_io_executor executor, const Config& given);

  boost::asio::any_io_executor io;
  Config config;
  std::string instance;  // this one, from this start on
  Metrics metrics;
  DbPool db;
  WorkerPool worker;  // digests of uploads, and files that are kept
  Loops loops;        // what every instance does
};

}  // namespace argosy::server
