#include "server/access/login_limiter.hpp"

#include <algorithm>

namespace argosy::server {

double TryBuckets::tries_at(const Bucket& bucket, Instant now) const {
  const double refilled = static_cast<double>((now - bucket.at).count()) / static_cast<double>(options_.refill.count());
  return std::min(options_.tries, bucket.tries + std::max(0.0, refilled));
}

Duration TryBuckets::wait(const std::string& key, Instant now) const {
  const auto found = buckets_.find(key);
  const double tries = found == buckets_.end() ? options_.tries : tries_at(found->second, now);
  if (tries >= 1) return Duration::zero();
  return Duration(static_cast<std::int64_t>((1 - tries) * static_cast<double>(options_.refill.count())) + 1);
}

void TryBuckets::take(const std::string& key, Instant now) {
  auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    if (buckets_.size() >= options_.keys) forget(std::string(uses_.front()));
    found = buckets_.emplace(key, Bucket{options_.tries, now, uses_.insert(uses_.end(), key)}).first;
  }
  Bucket& bucket = found->second;
  bucket.tries = std::max(0.0, tries_at(bucket, now) - 1);
  bucket.at = now;
  uses_.splice(uses_.end(), uses_, bucket.use);
}

void TryBuckets::give_back(const std::string& key) {
  const auto found = buckets_.find(key);
  if (found != buckets_.end()) found->second.tries = std::min(options_.tries, found->second.tries + 1);
}

void TryBuckets::forget(const std::string& key) {
  const auto found = buckets_.find(key);
  if (found == buckets_.end()) return;
  uses_.erase(found->second.use);
  buckets_.erase(found);
}

namespace {

std::string pair_key(const std::string& account, const std::string& address) {
  return account + " " + address;  // an account's name has no blank
}

constexpr TryBuckets::Options known_for_a_month{1, std::chrono::hours(24 * 30)};

}  // namespace

LoginLimiter::LoginLimiter(Options options)
    : account_delay_(options.account_delay),
      pairs_(options.pair),
      addresses_(options.address),
      accounts_(options.account),
      known_({known_for_a_month.tries, known_for_a_month.refill, options.known_pairs}) {}

LoginLimiter::Verdict LoginLimiter::take(const std::string& account, const std::string& address, Instant now) {
  const std::string pair = pair_key(account, address);
  const Duration wait = std::max(pairs_.wait(pair, now), addresses_.wait(address, now));
  if (wait > Duration::zero()) return {wait, {}};
  const bool known = known_.wait(pair, now) > Duration::zero();
  const bool slow = !known && accounts_.wait(account, now) > Duration::zero();
  pairs_.take(pair, now);
  addresses_.take(address, now);
  accounts_.take(account, now);
  return {{}, slow ? account_delay_ : Duration::zero()};
}

void LoginLimiter::succeeded(const std::string& account, const std::string& address, Instant now) {
  const std::string pair = pair_key(account, address);
  pairs_.forget(pair);
  addresses_.give_back(address);
  accounts_.give_back(account);
  known_.take(pair, now);
}

void LoginLimiter::give_back(const std::string& account, const std::string& address) {
  pairs_.give_back(pair_key(account, address));
  addresses_.give_back(address);
  accounts_.give_back(account);
}

Duration LoginLimiter::fail(const std::string& address, Instant now) {
  const Duration wait = addresses_.wait(address, now);
  addresses_.take(address, now);
  return wait;
}

}  // namespace argosy::server
