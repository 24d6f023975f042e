// The SQL that reads events and what changed beside them. Functors for DbPool::transact; they read only.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/events/event_service.hpp"

namespace argosy::server {

struct ReadEvents {
  EventQuery query;
  EventPage operator()(pqxx::work& transaction) const;
};

// Behind which everything is new: the last event that every snapshot sees, or that of a known id (when it is there).
struct FindPosition {
  std::optional<std::int64_t> id;
  EventPosition operator()(pqxx::work& transaction) const;
};

// The next events in order, at most `limit`.
struct ReadEventsAfter {
  EventPosition after;
  std::size_t limit = 500;
  std::vector<Event> operator()(pqxx::work& transaction) const;
};

// A mark for each thing that somebody watches; it differs after each change.
struct Marks {
  std::map<std::string, std::string> devices;
  std::map<std::int64_t, std::string> rollouts;
  std::string overview;
};
struct ReadMarks {
  std::set<std::string> devices;
  std::set<std::int64_t> rollouts;
  bool overview = false;
  Marks operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
