#include "server/events/event_service.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "server/db/db_pool.hpp"
#include "server/events/event_ring.hpp"
#include "server/events/event_store.hpp"
#include "server/http/response.hpp"

namespace argosy::server {

namespace asio = boost::asio;

// What the loop and the subscribers share. It outlives the service as long as a stream still refers to it.
struct EventHub {
  struct Subscriber {
    Subscriber(asio::any_io_executor io, Scope wanted, EventPosition start)
        : scope(std::move(wanted)), position(start), wake(io) {}
    Scope scope;
    EventPosition position;
    std::set<std::string> hints;  // rendered, each once: the latest wins
    bool is_new = true;           // has not been greeted
    asio::steady_timer wake;
  };

  EventHub(asio::any_io_executor executor, DbPool& pool, EventOptions given)
      : io(std::move(executor)), db(pool), options(std::move(given)), ring(options.kept) {}
  asio::any_io_executor io;
  DbPool& db;
  EventOptions options;
  EventRing ring;
  bool is_ready = false;  // the ring knows where it starts
  bool stopped = false;
  std::vector<std::weak_ptr<Subscriber>> subscribers;
  Marks marks;
  bool overview_changed = false;
  std::chrono::steady_clock::time_point overview_hinted{};
};

namespace {

constexpr std::size_t events_a_piece = 100;
constexpr std::size_t catch_up_page = 500;

using Subscriber = EventHub::Subscriber;

std::vector<std::shared_ptr<Subscriber>> live(EventHub& hub) {
  std::vector<std::shared_ptr<Subscriber>> alive;
  for (const auto& weak : hub.subscribers) {
    if (auto subscriber = weak.lock()) alive.push_back(std::move(subscriber));
  }
  std::erase_if(hub.subscribers, [](const auto& weak) { return weak.expired(); });
  return alive;
}

ReadMarks wanted_marks(const std::vector<std::shared_ptr<Subscriber>>& subscribers) {
  ReadMarks wanted;
  for (const auto& subscriber : subscribers) {
    wanted.devices.insert(subscriber->scope.devices.begin(), subscriber->scope.devices.end());
    wanted.rollouts.insert(subscriber->scope.rollouts.begin(), subscriber->scope.rollouts.end());
    wanted.overview |= subscriber->scope.overview;
  }
  return wanted;
}

// Ids whose mark is another than before; an id that is watched for the first time has not changed.
template <class Id>
std::set<Id> changed(const std::map<Id, std::string>& before, const std::map<Id, std::string>& now) {
  std::set<Id> ids;
  for (const auto& [id, mark] : now) {
    const auto found = before.find(id);
    if (found != before.end() && found->second != mark) ids.insert(id);
  }
  return ids;
}

void hint_subscribers(EventHub& hub, const std::vector<std::shared_ptr<Subscriber>>& subscribers, Marks marks) {
  const auto devices = changed(hub.marks.devices, marks.devices);
  const auto rollouts = changed(hub.marks.rollouts, marks.rollouts);
  hub.overview_changed |= !hub.marks.overview.empty() && hub.marks.overview != marks.overview;
  hub.marks = std::move(marks);
  const auto now = std::chrono::steady_clock::now();
  const bool hints_overview = hub.overview_changed && now - hub.overview_hinted >= hub.options.overview_interval;
  if (hints_overview) {
    hub.overview_changed = false;
    hub.overview_hinted = now;
  }
  for (const auto& subscriber : subscribers) {
    for (const auto& id : devices)
      if (subscriber->scope.devices.contains(id)) subscriber->hints.insert(hint_to_sse("device", "\"" + id + "\""));
    for (const auto id : rollouts)
      if (subscriber->scope.rollouts.contains(id)) subscriber->hints.insert(hint_to_sse("rollout", std::to_string(id)));
    if (hints_overview && subscriber->scope.overview) subscriber->hints.insert(hint_to_sse("overview", "null"));
    if (!subscriber->hints.empty() || subscriber->position < hub.ring.end()) subscriber->wake.cancel();
  }
}

// One look at the database. After an error, the next look finds the same.
Task<Result<void>> look(std::shared_ptr<EventHub> hub) {
  if (!hub->is_ready) {
    ARGOSY_CO_TRY(const auto position, co_await hub->db.transact<FindPosition>());
    hub->ring = EventRing(hub->options.kept, position);
    hub->is_ready = true;
  }
  ARGOSY_CO_TRY(const auto events, co_await hub->db.transact<ReadEventsAfter>(hub->ring.end(), catch_up_page));
  for (const auto& event : events) hub->ring.add(event);
  hub->overview_changed |= !events.empty();
  const auto subscribers = live(*hub);
  if (subscribers.empty()) co_return Result<void>{};
  ARGOSY_CO_TRY(auto marks, co_await hub->db.transact(wanted_marks(subscribers)));
  hint_subscribers(*hub, subscribers, std::move(marks));
  co_return Result<void>{};
}

// Events behind the ring's reach, from the table.
Task<Result<std::string>> catch_up(std::shared_ptr<EventHub> hub, std::shared_ptr<Subscriber> subscriber) {
  ARGOSY_CO_TRY(const auto events, co_await hub->db.transact<ReadEventsAfter>(subscriber->position, catch_up_page));
  std::string text;
  for (const auto& event : events) text += to_sse(event);
  // An empty answer means that what the ring had was settled meanwhile: go on there.
  subscriber->position = events.empty() ? hub->ring.end() : events.back().position;
  co_return text;
}

Task<Result<std::string>> next_piece(std::shared_ptr<EventHub> hub, std::shared_ptr<Subscriber> subscriber) {
  if (std::exchange(subscriber->is_new, false)) co_return std::string("retry: 2000\n\n");
  bool has_waited = false;
  while (!hub->stopped) {
    std::string text;
    if (auto piece = hub->ring.after(subscriber->position, events_a_piece)) {
      text = std::move(piece->text);
      subscriber->position = piece->upto;
    } else {
      ARGOSY_CO_TRY(auto caught_up, co_await catch_up(hub, subscriber));
      text = std::move(caught_up);
      if (text.empty()) continue;
    }
    for (const auto& hint : subscriber->hints) text += hint;
    subscriber->hints.clear();
    if (!text.empty()) co_return text;
    if (has_waited) co_return std::string(sse_heartbeat);
    subscriber->wake.expires_after(hub->options.heartbeat);
    const auto [cancelled] = co_await subscriber->wake.async_wait(asio::as_tuple(asio::use_awaitable));
    has_waited = !cancelled;
  }
  co_return std::string();
}

}  // namespace

EventService::EventService(asio::any_io_executor io, DbPool& db, EventOptions options)
    : hub_(std::make_shared<EventHub>(std::move(io), db, std::move(options))) {}

EventService::~EventService() {
  stop();
}

void EventService::start() {
  watch_ = std::make_unique<Loop>(
      hub_->io,
      LoopOptions{.name = "events", .interval = hub_->options.poll_interval, .observe = hub_->options.observe},
      [hub = hub_](Instant) { return look(hub); });
}

void EventService::stop() {
  hub_->stopped = true;
  if (watch_) watch_->request_stop();
  for (const auto& subscriber : live(*hub_)) subscriber->wake.cancel();
}

Task<Result<EventPage>> EventService::list(EventQuery query) {
  co_return co_await hub_->db.transact<ReadEvents>(std::move(query));
}

Task<Result<LiveBody>> EventService::subscribe(Scope scope, std::optional<std::int64_t> last_event_id) {
  if (hub_->stopped) co_return make_error(Errc::unavailable, "the server is stopping");
  if (live(*hub_).size() >= hub_->options.subscriber_limit)
    co_return make_error(Errc::unavailable, "too many live streams are open; try again later");
  EventPosition start = hub_->ring.end();
  if (last_event_id || !hub_->is_ready) {
    ARGOSY_CO_TRY(start, co_await hub_->db.transact<FindPosition>(last_event_id));
  }
  auto subscriber = std::make_shared<Subscriber>(hub_->io, std::move(scope), start);
  hub_->subscribers.push_back(subscriber);
  LiveBody body;
  body.next = [hub = hub_, subscriber] { return next_piece(hub, subscriber); };
  co_return body;
}

std::size_t EventService::subscribers() const {
  return live(*hub_).size();
}

}  // namespace argosy::server
