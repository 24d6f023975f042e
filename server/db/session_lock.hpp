// A lock in the database that at most one process holds: PostgreSQL's session advisory lock on a connection of its own,
// looked after by a thread of its own. Lost with the connection, and tried for again and again. Knows no domain word.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

namespace argosy::server {

class SessionLock {
 public:
  struct Options {
    std::string conninfo;
    std::int64_t key = 0;
    std::chrono::milliseconds interval{2000};  // how often it is tried for, or checked
  };
  // `on_change` is called on the I/O executor: true when the lock was taken, false when it was lost.
  SessionLock(boost::asio::any_io_executor io, Options options, std::function<void(bool)> on_change);
  ~SessionLock();  // gives the lock up; on_change is not called any more

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace argosy::server
