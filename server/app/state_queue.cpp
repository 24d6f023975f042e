#include "server/app/state_queue.hpp"

#include <algorithm>

namespace argosy::server {

bool StateQueue::put(WaitingState state) {
  remove(state.device);
  if (bytes_ + state.document.size() > limits_.bytes) return false;
  if (state.alone && aside_.size() >= limits_.aside) return false;
  bytes_ += state.document.size();
  ByDevice& to = state.alone ? aside_ : waiting_;
  std::string device = state.device;
  to.emplace(std::move(device), std::move(state));
  return true;
}

bool StateQueue::put_back(WaitingState state) {
  if (waiting_.contains(state.device) || aside_.contains(state.device)) return true;
  return put(std::move(state));
}

std::vector<WaitingState> StateQueue::take(Instant now) {
  std::vector<WaitingState> batch;
  std::size_t size = 0;
  while (!waiting_.empty() && batch.size() < limits_.batch && size < limits_.batch_bytes) {
    auto next = waiting_.upper_bound(last_);
    if (next == waiting_.end()) next = waiting_.begin();
    last_ = next->first;
    batch.push_back(extract(waiting_, next));
    size += batch.back().document.size();
  }
  if (!batch.empty()) return batch;
  const auto due = first_due();
  if (due != aside_.end() && due->second.due <= now) batch.push_back(extract(aside_, due));
  return batch;
}

std::optional<Instant> StateQueue::next_due() {
  const auto first = first_due();
  return first == aside_.end() ? std::nullopt : std::optional(first->second.due);
}

StateQueue::ByDevice::iterator StateQueue::first_due() {
  return std::min_element(aside_.begin(), aside_.end(),
                          [](const auto& one, const auto& other) { return one.second.due < other.second.due; });
}

void StateQueue::remove(const std::string& device) {
  for (ByDevice* from : {&waiting_, &aside_}) {
    const auto found = from->find(device);
    if (found != from->end()) extract(*from, found);
  }
}

WaitingState StateQueue::extract(ByDevice& from, ByDevice::iterator one) {
  WaitingState state = std::move(from.extract(one).mapped());
  bytes_ -= state.document.size();
  return state;
}

}  // namespace argosy::server
