// Alerts as they are moved: read, written back, and what happened to them told. DB threads, inside a transaction that
// holds `lock_alerts`; the rows that are read are locked against people.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <pqxx/pqxx>

#include "server/alerts/alert_life.hpp"

namespace argosy::server {

struct AlertCard {
  std::int64_t id = 0;
  bool is_new = false;  // has no row yet
  bool is_changed = false;
  AlertLife life;
  AlertFinding what;  // its rule and scope, and the figures and the message as they stand
  std::string group;
  Instant opened_at{};
  std::optional<Instant> fired_at;
  std::optional<Instant> resolved_at;
};

using CardKey = std::tuple<std::string, std::string, std::string>;  // subject, rule, model
CardKey card_key_of(const AlertFinding& finding);

// The open alert of each key, and a new card where there is none.
std::map<CardKey, AlertCard> read_cards(pqxx::work& transaction, const std::vector<AlertFinding>& findings,
                                        const FlapRule& flap, Instant now);
// A new card for the next alert of the same key.
AlertCard card_after(const AlertCard& ended, const FlapRule& flap, Instant now);
// Those whose time to be looked at has come, the oldest first.
std::vector<AlertCard> read_due_cards(pqxx::work& transaction, Instant now, std::size_t most);
std::optional<AlertCard> read_card(pqxx::work& transaction, std::int64_t id);

// Writes those that changed; gives new ones their row. What was pending and is not any more leaves none.
void write_cards(pqxx::work& transaction, const std::vector<const AlertCard*>& cards);
// Ids for so many new cards.
std::vector<std::int64_t> take_alert_ids(pqxx::work& transaction, std::size_t count);

// What happened to alerts: their history, and the events `alert.firing`, `alert.resolved`, `alert.escalated` and
// `alert.acknowledged`, which tell people.
struct AlertNews {
  struct One {
    const AlertCard* card;
    AlertChange change;
    std::string actor;  // empty: nobody, it came so
    std::string reason;
  };
  std::vector<One> items = {};
};
void write_news(pqxx::work& transaction, const AlertNews& news, Instant now);

}  // namespace argosy::server
