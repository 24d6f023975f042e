// What the database tells of its own accord: LISTEN on one channel, over a connection and a thread of its own. After
// any gap - the start, a lost connection, more news than fit - it says so, and whoever kept something must drop it all.
// Knows no domain word.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

namespace argosy::server {

struct News {
  bool gap = false;  // something may have been missed: the payloads are not all there is
  std::vector<std::string> payloads;
  // All that was committed before this has been handed over; moves on every proof_of_life while the connection lives.
  std::chrono::steady_clock::time_point complete_until{};
};

class Notifications {
 public:
  struct Options {
    std::string conninfo;
    std::string channel;
    std::size_t limit = 1000;                        // payloads that wait; more become a gap
    std::chrono::milliseconds reconnect{250};        // after a failure
    std::chrono::milliseconds proof_of_life{5'000};  // how often the connection is asked
  };
  // `on_news` is called on the I/O executor, first with a gap as soon as the database listens.
  Notifications(boost::asio::any_io_executor io, Options options, std::function<void(News)> on_news);
  ~Notifications();  // on_news is not called any more
  Notifications(const Notifications&) = delete;
  Notifications& operator=(const Notifications&) = delete;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace argosy::server
