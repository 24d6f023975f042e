// The newest events of this instance, rendered once for all subscribers. Bounded. One thread. Pure.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>

#include "server/events/event.hpp"

namespace argosy::server {

class EventRing {
 public:
  // `start`: everything up to here is not the ring's business.
  explicit EventRing(std::size_t limit, EventPosition start = {}) : limit_(limit), floor_(start), end_(start) {}
  void add(const Event& event);  // in order
  EventPosition end() const { return end_; }

  struct Piece {
    std::string text;    // empty: nothing new
    EventPosition upto;  // the reader's next position
  };
  // What comes after `position`, at most `events_limit` events; nothing when the ring no longer reaches back so far.
  std::optional<Piece> after(const EventPosition& position, std::size_t events_limit) const;

 private:
  struct Entry {
    EventPosition position;
    std::string text;
  };
  std::size_t limit_;
  EventPosition floor_;  // of the last event that left, or never was in
  EventPosition end_;
  std::deque<Entry> entries_;
};

}  // namespace argosy::server
