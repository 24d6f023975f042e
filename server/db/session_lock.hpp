// A lock in the database that at most one process holds: PostgreSQL's session advisory lock on a connection of its own,
// looked after by a thread of its own, and not by a Loop: it is kept, or lost, however busy the I/O thread and the pool
// are. Lost with the connection, and tried for again and again. Knows no domain word.
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
    bool raises_fence = false;                 // taking it begins a new term (fence.hpp)
  };
  // `on_change` is called on the I/O executor: true when the lock was taken, false when it was lost. A holder that has
  // not looked after its lock for five intervals, and five seconds, loses it to the next.
  SessionLock(boost::asio::any_io_executor io, Options options, std::function<void(bool)> on_change);
  ~SessionLock();  // gives the lock up; on_change is not called any more
  // Of the last term that began here.
  std::int64_t fence() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace argosy::server
