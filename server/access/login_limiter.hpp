// How often somebody may try a password: a bucket of a few tries per key (an account, an address) that refills slowly.
// Pure; bounded by forgetting full buckets, and by refusing new keys when even that is not enough.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "common/base/instant.hpp"

namespace argosy::server {

class LoginLimiter {
 public:
  struct Options {
    double tries = 5;
    Duration refill{12'000};  // one more try after each
    std::size_t keys = 10'000;
  };
  LoginLimiter() = default;
  explicit LoginLimiter(Options options) : options_(options) {}

  // Zero: go ahead, and the try is counted. Else how long to wait.
  Duration take(const std::string& key, Instant now);
  // After a success.
  void forget(const std::string& key) { buckets_.erase(key); }

 private:
  struct Bucket {
    double tries;
    Instant at;
  };
  double tries_at(const Bucket& bucket, Instant now) const;
  void forget_full_buckets(Instant now);

  Options options_;
  std::map<std::string, Bucket> buckets_;
};

}  // namespace argosy::server
