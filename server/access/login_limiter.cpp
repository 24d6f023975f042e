#include "server/access/login_limiter.hpp"

#include <algorithm>

namespace argosy::server {

double LoginLimiter::tries_at(const Bucket& bucket, Instant now) const {
  const double refilled = static_cast<double>((now - bucket.at).count()) / static_cast<double>(options_.refill.count());
  return std::min(options_.tries, bucket.tries + std::max(0.0, refilled));
}

void LoginLimiter::forget_full_buckets(Instant now) {
  std::erase_if(buckets_, [&](const auto& entry) { return tries_at(entry.second, now) >= options_.tries; });
}

Duration LoginLimiter::take(const std::string& key, Instant now) {
  auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    if (buckets_.size() >= options_.keys) forget_full_buckets(now);
    if (buckets_.size() >= options_.keys) return options_.refill;
    found = buckets_.emplace(key, Bucket{options_.tries, now}).first;
  }
  Bucket& bucket = found->second;
  bucket = {tries_at(bucket, now), now};
  if (bucket.tries < 1) {
    return Duration(static_cast<std::int64_t>((1 - bucket.tries) * static_cast<double>(options_.refill.count())) + 1);
  }
  bucket.tries -= 1;
  return Duration::zero();
}

}  // namespace argosy::server
