// How often somebody may try a password. What counts is the pair of account and address: who guesses shuts out nobody
// but himself. An address that fails on many accounts is refused as well; an account that fails from many addresses is
// made slow for some seconds a try, but never refused, and not at all where its owner signed in before. Pure; bounded:
// a full map forgets what was touched least recently, so that a flood of new keys refuses nobody.
#pragma once

#include <chrono>
#include <list>
#include <map>
#include <string>

#include "common/base/instant.hpp"

namespace argosy::server {

// Buckets of tries that refill slowly, the least recently touched forgotten first.
class TryBuckets {
 public:
  struct Options {
    double tries;
    Duration refill;  // one more try after each
    std::size_t keys = 10'000;
  };
  explicit TryBuckets(Options options) : options_(options) {}
  // Zero when there is a try; else how long until there is.
  Duration wait(const std::string& key, Instant now) const;
  void take(const std::string& key, Instant now);
  void give_back(const std::string& key);
  void forget(const std::string& key);
  std::size_t size() const { return buckets_.size(); }

 private:
  struct Bucket {
    double tries;
    Instant at;
    std::list<std::string>::iterator use;
  };
  double tries_at(const Bucket& bucket, Instant now) const;
  Options options_;
  std::map<std::string, Bucket> buckets_;
  std::list<std::string> uses_;  // oldest first
};

class LoginLimiter {
 public:
  struct Options {
    TryBuckets::Options pair{5, Duration(12'000)};
    TryBuckets::Options address{60, Duration(2'000)};
    TryBuckets::Options account{20, Duration(6'000)};
    Duration account_delay{3'000};
    std::size_t known_pairs = 10'000;
  };
  LoginLimiter() : LoginLimiter(Options{}) {}
  explicit LoginLimiter(Options options);

  struct Verdict {
    Duration wait{};   // not zero: refused, and nothing was counted; try again after this
    Duration delay{};  // else: go ahead after this
  };
  // `address` is an address_group(). A try that goes ahead is counted as a failure until it turns out well.
  Verdict take(const std::string& account, const std::string& address, Instant now);
  void succeeded(const std::string& account, const std::string& address, Instant now);
  void give_back(const std::string& account, const std::string& address);  // the try came to nothing
  // A failure that belongs to no account, as with a link that does not exist. Not zero: the address has too many.
  Duration fail(const std::string& address, Instant now);

 private:
  Duration account_delay_;
  TryBuckets pairs_, addresses_, accounts_;
  TryBuckets known_;  // pairs that signed in; only their being there counts
};

}  // namespace argosy::server
