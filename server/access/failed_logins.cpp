#include "server/access/failed_logins.hpp"

namespace argosy::server {

bool FailedLogins::add(const std::string& account, const std::string& address, Instant now) {
  if (counted_.empty() && others_ == 0) began_ = now;
  const auto found = counted_.find({account, address});
  if (found != counted_.end()) {
    ++found->second;
    return false;
  }
  if (counted_.size() >= options_.keys) {
    ++others_;
    return false;
  }
  counted_.emplace(std::pair{account, address}, 0);
  return true;
}

std::vector<FailedLogins::Count> FailedLogins::drain(Instant now) {
  std::vector<Count> counts;
  if (now - began_ < options_.window) return counts;
  for (const auto& [who, failures] : counted_) {
    if (failures > 0) counts.push_back({who.first, who.second, failures});
  }
  if (others_ > 0) counts.push_back({"*", "*", others_});
  counted_.clear();
  others_ = 0;
  return counts;
}

}  // namespace argosy::server
