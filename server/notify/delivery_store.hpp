// The SQL of deliveries: makes them of events, gives the next that is due, writes down what came of an attempt.
// Functors for DbPool::transact: they own their arguments and may be repeated.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/notify/delivery.hpp"
#include "server/notify/notice_text.hpp"
#include "server/notify/notify_service.hpp"
#include "server/notify/route_store.hpp"

namespace argosy::server {

// Takes the oldest events that wait to be told and makes deliveries of them, in one transaction.
struct TakeUntold {
  std::string site_label;
  WaitingLimits limits;
  std::size_t at_once;
  Instant now;
  TakenEvents operator()(pqxx::work& transaction) const;
};

// Gives up what has waited too long, or waits for a route that takes nothing any more. How many.
struct GiveUpOld {
  Duration give_up_after;
  Instant now;
  std::size_t operator()(pqxx::work& transaction) const;
};

// Routes for which a delivery is due, but for those `under_way`.
struct ReadDueRoutes {
  std::set<std::int64_t> under_way;
  Instant now;
  DueRoutes operator()(pqxx::work& transaction) const;
};

// The delivery of the route that is due and comes first in its line, with its events and all that sending it needs.
struct ReadNext {
  struct Next {
    StoredRoute route;
    Notice notice;
    std::int64_t failures = 0;  // of the route, in a row
  };
  std::int64_t route;
  Instant now;
  std::optional<Next> operator()(pqxx::work& transaction) const;
};

struct WriteAttempt {
  Delivery delivery;
  SendOutcome outcome;
  AfterAttempt after;
  std::vector<ToldEvent> told_alerts;  // of an Alertmanager, when it has taken them
  Instant now;
  void operator()(pqxx::work& transaction) const;
};

// Alerts that an Alertmanager has to be told of once more.
struct ReadToldAlerts {
  std::int64_t route;
  Instant told_before;
  std::vector<ToldEvent> operator()(pqxx::work& transaction) const;
};
struct WriteToldAgain {
  std::int64_t route;
  std::vector<std::int64_t> alerts;
  Instant now;
  void operator()(pqxx::work& transaction) const;
};
struct ReadAlertmanagers {
  Instant told_before;
  std::vector<StoredRoute> operator()(pqxx::work& transaction) const;
};

struct SendTest {
  std::int64_t route;
  std::string actor;
  Instant now;
  Result<Delivery> operator()(pqxx::work& transaction) const;
};

struct Redeliver {
  std::int64_t id;
  std::string actor;
  Instant now;
  Result<Delivery> operator()(pqxx::work& transaction) const;
};

struct ReadDeliveries {
  DeliveryQuery query;
  DeliveryPage operator()(pqxx::work& transaction) const;
};

struct ReadTelling {
  std::int64_t alert;
  Result<AlertTelling> operator()(pqxx::work& transaction) const;
};

struct ReadDelivery {
  std::int64_t id;
  Result<DeliveryInFull> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
