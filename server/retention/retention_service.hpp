// Takes away what is old enough: the leader's, once a minute, rule by rule, in slices of some rows and for no longer
// than its budget, so that a large backlog costs the database little at a time. Coroutines on the I/O thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/base/task.hpp"
#include "server/retention/retention.hpp"

namespace argosy::server {

class DbPool;

struct RetentionOptions {
  RetentionDays days;
  std::size_t slice = 1000;  // rows in one transaction
  Duration budget{5'000};    // for one tick; the next one goes on where this one ended
};

class RetentionService {
 public:
  virtual ~RetentionService() = default;
  // Answers how many rows went. Errc of the first rule that failed; the others run all the same.
  virtual Task<Result<std::size_t>> tick(Instant now) = 0;
  // Rows that went since the start, by table.
  virtual const std::map<std::string, std::uint64_t>& removed() const = 0;
};

std::unique_ptr<RetentionService> create_retention_service(DbPool& db, RetentionOptions options = {});

}  // namespace argosy::server
