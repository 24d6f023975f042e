#include "server/devices/presence_service.hpp"

#include <algorithm>

#include "server/devices/presence_store.hpp"

namespace argosy::server {

namespace {

Duration scaled(Duration duration, double scale) {
  return std::max(Duration{1}, Duration{static_cast<Duration::rep>(static_cast<double>(duration.count()) * scale)});
}

class StoredPresenceService final : public PresenceService {
 public:
  StoredPresenceService(DbPool& db, PresenceOptions options) : store_(db), options_(options) {
    options_.rule.shortest_interval = scaled(options_.rule.shortest_interval, options_.time_scale);
  }

  void take_will(const wire::LastWill& will, Instant now) override {
    const auto known = suspicions_.find(will.device);
    if (known == suspicions_.end() && suspicions_.size() >= options_.will_limit) return;
    if (known != suspicions_.end() && known->second.nonce > will.nonce) return;
    suspicions_.insert_or_assign(will.device, Suspicion{will.nonce, now});
  }

  void watch_from(Instant now) override { watching_since_ = std::max(watching_since_, now); }

  Task<Result<std::size_t>> tick(Instant now) override {
    forget_old_suspicions(now);
    PresenceTick order{options_.rule, options_.time_scale, watching_since_, suspicions_, now};
    auto ticked = store_.tick(std::move(order));
    co_return co_await std::move(ticked);
  }

 private:
  // By then the ordinary wait has come to the same end.
  void forget_old_suspicions(Instant now) {
    const Duration longest =
        scaled(options_.rule.longest_interval, options_.time_scale * options_.rule.offline_intervals);
    std::erase_if(suspicions_, [&](const auto& entry) { return now - entry.second.at > longest; });
  }

  PresenceStore store_;
  PresenceOptions options_;
  Instant watching_since_{};
  std::unordered_map<std::string, Suspicion> suspicions_;
};

}  // namespace

std::unique_ptr<PresenceService> create_presence_service(DbPool& db, PresenceOptions options) {
  return std::make_unique<StoredPresenceService>(db, options);
}

}  // namespace argosy::server
