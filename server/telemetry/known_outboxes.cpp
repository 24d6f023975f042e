#include "server/telemetry/known_outboxes.hpp"

namespace argosy::server {

const KnownOutbox* KnownOutboxes::find(const std::string& device) {
  if (const auto at = young_.find(device); at != young_.end()) return &at->second;
  const auto at = old_.find(device);
  return at == old_.end() ? nullptr : &at->second;
}

void KnownOutboxes::learn(const std::string& device, KnownOutbox outbox) {
  old_.erase(device);
  young_.insert_or_assign(device, std::move(outbox));
  if (young_.size() < generation_limit_) return;
  old_ = std::move(young_);
  young_ = {};
}

}  // namespace argosy::server
