// Takes away what is old enough: the leader's, once a minute, rule by rule, in slices of some rows and for no longer
// than its budget, so that a large backlog costs the database little at a time. Coroutines on the I/O thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/base/task.hpp"
#include "server/retention/retention.hpp"

namespace argosy::server {

class DbPool;
class Metrics;

struct RetentionOptions {
  RetentionDays days;
  std::size_t slice = 1000;  // rows in one transaction
  Duration budget{5'000};    // for one tick; the next one goes on where this one ended
};

class RetentionService {
 public:
  explicit RetentionService(DbPool& db, RetentionOptions options = {}) : db_(db), options_(options) {}

  // Answers how many rows went. Errc of the first rule that failed; the others run all the same.
  Task<Result<std::size_t>> tick(Instant now);
  // Rows that went since the start, by table.
  const std::map<std::string, std::uint64_t>& removed() const { return removed_; }

 private:
  using Clock = std::chrono::steady_clock;

  Task<Result<std::size_t>> apply(std::size_t turn, Instant now, Clock::time_point until);

  DbPool& db_;
  RetentionOptions options_;
  std::span<const RetentionRule> rules_ = retention_rules();
  std::size_t next_ = 0;  // the rule whose turn it is
  std::vector<Instant> due_ = std::vector<Instant>(rules_.size());
  std::map<std::string, std::uint64_t> removed_;
};

void add_metrics(Metrics& metrics, const RetentionService& retention);

}  // namespace argosy::server
