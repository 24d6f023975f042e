#include "server/http/connection_budget.hpp"

#include <algorithm>

#include "server/http/client_address.hpp"

namespace argosy::server {

void ConnectionBudget::count_address(const std::string& address, std::size_t before, std::size_t after) {
  greed_.erase({before, address});
  if (after > 0) greed_.insert({after, address});
  strangers_ = strangers_ - before + after;
}

void ConnectionBudget::join(ByName& names, const std::string& name, Id id) {
  auto& ids = names[name];
  ids.insert(id);
  if (&names == &addresses_) count_address(name, ids.size() - 1, ids.size());
}

void ConnectionBudget::part(ByName& names, const std::string& name, Id id) {
  const auto found = names.find(name);
  if (found == names.end() || found->second.erase(id) == 0) return;
  if (&names == &addresses_) count_address(name, found->second.size() + 1, found->second.size());
  if (found->second.empty()) names.erase(found);
}

std::optional<ConnectionBudget::Id> ConnectionBudget::oldest_of_the_greediest() const {
  if (greed_.empty()) return std::nullopt;
  return *addresses_.at(greed_.rbegin()->second).begin();
}

ConnectionBudget::Id ConnectionBudget::evict(Id id) {
  leave(id);
  ++counters_.evicted;
  return id;
}

std::optional<ConnectionBudget::Admission> ConnectionBudget::admit(const std::string& address) {
  const std::string group = address_group(address);
  const std::size_t reserve = std::min(limits_.reserve, limits_.connections);
  const auto same = addresses_.find(group);
  Admission admission;
  if (same != addresses_.end() && same->second.size() >= limits_.unsigned_per_address) {
    admission.evicted = evict(*same->second.begin());
  } else if (admitted_.size() >= limits_.connections || strangers_ >= limits_.connections - reserve) {
    const auto oldest = oldest_of_the_greediest();
    if (!oldest) {
      ++counters_.turned_away;
      return std::nullopt;
    }
    admission.evicted = evict(*oldest);
  }
  admission.id = next_++;
  admitted_.emplace(admission.id, Admitted{group, {}});
  join(addresses_, group, admission.id);
  return admission;
}

std::optional<ConnectionBudget::Id> ConnectionBudget::sign(Id id, const std::string& peer) {
  const auto found = admitted_.find(id);
  if (found == admitted_.end() || found->second.peer == peer) return std::nullopt;
  if (found->second.peer.empty()) {
    part(addresses_, found->second.address, id);
  } else {
    part(peers_, found->second.peer, id);
  }
  found->second.peer = peer;
  join(peers_, peer, id);
  const auto& ids = peers_.at(peer);
  if (ids.size() <= limits_.per_peer) return std::nullopt;
  const Id oldest = *ids.begin() == id ? *std::next(ids.begin()) : *ids.begin();
  return evict(oldest);
}

void ConnectionBudget::unsign(Id id) {
  const auto found = admitted_.find(id);
  if (found == admitted_.end() || found->second.peer.empty()) return;
  part(peers_, found->second.peer, id);
  found->second.peer.clear();
  join(addresses_, found->second.address, id);
}

void ConnectionBudget::leave(Id id) {
  const auto found = admitted_.find(id);
  if (found == admitted_.end()) return;
  if (found->second.peer.empty()) {
    part(addresses_, found->second.address, id);
  } else {
    part(peers_, found->second.peer, id);
  }
  admitted_.erase(found);
}

bool ConnectionBudget::is_signed(Id id) const {
  const auto found = admitted_.find(id);
  return found != admitted_.end() && !found->second.peer.empty();
}

}  // namespace argosy::server
