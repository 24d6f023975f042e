// Tells people and other systems what has happened. Events that a route wants lie in an outbox (untold_events), written
// with the event; the leader makes deliveries of them and sends these, each route for itself and one message at a time,
// until they have arrived or are given up: at least once, with a key that is the same in every repeat. Whatever was
// under way when a leader died is sent again. Coroutines on the I/O thread; SQL on the pool's threads, sending on the
// courier's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/base/random.hpp"
#include "server/base/task.hpp"
#include "server/notify/alert_telling.hpp"
#include "server/notify/courier.hpp"
#include "server/notify/delivery.hpp"
#include "server/notify/notice_route.hpp"
#include "server/notify/route_preview.hpp"

namespace argosy::server {

class DbPool;
class Metrics;
class WorkerPool;

struct NotifyOptions {
  Courier::Options courier{};
  std::filesystem::path key_file;  // seals the secrets of routes; made when it is first needed, shared by all instances
  std::string public_url;
  std::string site_label = "site";
  RetryPlan retry{};
  WaitingLimits waiting{};
  std::size_t events_at_once = 500;  // taken in one transaction
};

struct TakenEvents {
  std::size_t events = 0;      // as many as asked for: there may be more
  std::size_t deliveries = 0;  // made of them
  std::size_t given_up = 0;    // because too many waited
};

struct DueRoutes {
  std::vector<std::int64_t> routes;
  std::int64_t waiting = 0;         // deliveries of all routes
  std::optional<Instant> oldest{};  // of what is due and was never tried, or is not told at all yet
};

struct NotifyFigures {
  std::uint64_t events = 0;
  std::uint64_t deliveries = 0;
  std::uint64_t attempts = 0;
  std::uint64_t failed = 0;  // of them
  std::uint64_t delivered = 0;
  std::uint64_t given_up = 0;
  std::int64_t waiting = 0;
  double lag_s = 0;
};

struct DeliveryQuery {
  std::optional<std::int64_t> route{};
  std::optional<std::int64_t> alert{};  // that some event of it is about
  std::optional<DeliveryState> state{};
  std::optional<std::int64_t> before{};  // ids under this
  std::size_t limit = 50;
};
struct DeliveryPage {
  std::vector<Delivery> items;  // newest first
  std::int64_t total = 0;       // counted up to 10,000
};
struct DeliveryInFull {
  Delivery delivery;
  std::vector<ToldEvent> events;          // the first most_events_shown
  std::vector<DeliveryAttempt> attempts;  // newest first
};
inline constexpr std::int64_t most_events_shown = 100;
inline constexpr std::int64_t most_attempts_kept = 50;  // of one delivery

struct MadeRoute {
  NoticeRoute route;
  std::string secret;  // a webhook's, shown this once; else empty
};

class NotifyService {
 public:
  NotifyService(boost::asio::any_io_executor io, DbPool& db, WorkerPool& worker, NotifyOptions options);
  ~NotifyService();
  NotifyService(const NotifyService&) = delete;
  NotifyService& operator=(const NotifyService&) = delete;

  // Makes deliveries of what is untold, and begins to send what is due. About once a second on the leader; it does not
  // wait for receivers.
  Task<Result<void>> tick(Instant now);
  // Tells every Alertmanager again of what still fires. About once a minute on the leader.
  Task<Result<void>> refresh_alertmanagers(Instant now);
  const NotifyFigures& figures() const { return figures_; }

  Task<Result<std::vector<NoticeRoute>>> routes();
  Task<Result<NoticeRoute>> route(std::int64_t id);
  Task<Result<MadeRoute>> create(std::string body, std::string actor, Instant now);
  // `version`: what it was when the caller read it; none: whatever it is.
  Task<Result<NoticeRoute>> update(std::int64_t id, std::optional<std::int64_t> version, std::string body,
                                   std::string actor, Instant now);
  Task<Result<void>> remove(std::int64_t id, std::string actor);
  // A new signing secret of a webhook; the old one signs beside it for `overlap`.
  Task<Result<MadeRoute>> rotate(std::int64_t id, Duration overlap, std::string actor, Instant now);
  // What the route of this body would have told within a week; `id`: of a route that it changes, none: a new one.
  Task<Result<RoutePreview>> preview(std::optional<std::int64_t> id, std::string body, Instant now);
  Task<Result<Delivery>> send_test(std::int64_t id, std::string actor, Instant now);

  Task<Result<DeliveryPage>> deliveries(DeliveryQuery query);
  Task<Result<DeliveryInFull>> delivery(std::int64_t id);
  Task<Result<AlertTelling>> telling(std::int64_t alert);
  // Waits once more and is tried at once, with the key that it had.
  Task<Result<Delivery>> redeliver(std::int64_t id, std::string actor, Instant now);

 private:
  Task<Result<Bytes>> key();
  Task<Result<Bytes>> sealed(TargetSecrets secrets);
  Task<Result<TargetSecrets>> opened(Bytes sealed);
  Task<Result<void>> take_untold(Instant now);
  Task<void> send_all(std::int64_t route);
  Task<Result<bool>> send_next(std::int64_t route);

  boost::asio::any_io_executor io_;
  DbPool& db_;
  WorkerPool& worker_;
  NotifyOptions options_;
  Rng rng_;
  std::set<std::int64_t> under_way_;  // routes of which a message is
  std::optional<Bytes> key_;
  NotifyFigures figures_;
  Courier courier_;
};

void add_metrics(Metrics& metrics, const NotifyService& notify, std::function<bool()> leading);

}  // namespace argosy::server
