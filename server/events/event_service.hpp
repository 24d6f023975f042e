// The list of events, and the live stream: one loop an instance reads what is new and wakes all subscribers, each with
// its own position, so that a slow one costs no memory and loses nothing. Runs on the I/O thread, on every instance.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/base/loop.hpp"
#include "server/base/task.hpp"
#include "server/events/event.hpp"

namespace argosy::server {

struct EventHub;
struct LiveBody;

class DbPool;

struct EventOptions {
  Duration poll_interval{500};
  Duration overview_interval{1000};  // a hint for the overview at most so often
  Duration heartbeat{15'000};
  std::size_t kept = 1000;  // newest events in memory; who is further behind reads the table
  std::size_t subscriber_limit = 256;
  LoopObserver observe{};
};

struct EventQuery {
  std::optional<std::int64_t> after{};   // oldest first, from behind this id
  std::optional<std::int64_t> before{};  // else newest first, ids under this
  std::optional<std::string> device{};
  std::optional<std::int64_t> rollout{};
  std::optional<std::string> kind{};  // as it is, or "alert." for all that start so
  std::optional<std::string> severity{};
  std::size_t limit = 50;
};

struct EventPage {
  std::vector<Event> items;
  bool more = false;
  std::int64_t total = 0;  // counted up to 10,000
};

class EventService {
 public:
  EventService(boost::asio::any_io_executor io, DbPool& db, EventOptions options = {});
  ~EventService();  // as stop()
  EventService(const EventService&) = delete;
  EventService& operator=(const EventService&) = delete;

  void start();
  void stop();  // ends every stream; before the executor stops
  Task<Result<EventPage>> list(EventQuery query);
  // Errc::unavailable when there are too many subscribers.
  Task<Result<LiveBody>> subscribe(Scope scope, std::optional<std::int64_t> last_event_id);
  std::size_t subscribers() const;

 private:
  std::shared_ptr<EventHub> hub_;  // streams share it
  std::unique_ptr<Loop> watch_;
};

}  // namespace argosy::server
