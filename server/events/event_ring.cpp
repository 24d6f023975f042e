#include "server/events/event_ring.hpp"

#include <algorithm>

namespace argosy::server {

void EventRing::add(const Event& event) {
  entries_.push_back({event.position, to_sse(event)});
  end_ = event.position;
  while (entries_.size() > limit_) {
    floor_ = entries_.front().position;
    entries_.pop_front();
  }
}

std::optional<EventRing::Piece> EventRing::after(const EventPosition& position, std::size_t events_limit) const {
  if (position < floor_) return std::nullopt;
  Piece piece{{}, position};
  auto entry =
      std::upper_bound(entries_.begin(), entries_.end(), position,
                       [](const EventPosition& value, const Entry& candidate) { return value < candidate.position; });
  for (; entry != entries_.end() && events_limit > 0; ++entry, --events_limit) {
    piece.text += entry->text;
    piece.upto = entry->position;
  }
  return piece;
}

}  // namespace argosy::server
