// The SQL of patches. Each call is one transaction on the pool's threads; times of claims are the database's own, so
// that instances with different clocks agree.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "server/http/router.hpp"
#include "server/models/patch.hpp"

namespace argosy::server {

class DbPool;

class PatchStore {
 public:
  explicit PatchStore(DbPool& db) : db_(db) {}

  Task<Result<std::vector<PatchRow>>> want(std::vector<PatchPair> pairs, std::chrono::minutes retry_failed_after);
  Task<Result<std::vector<PatchMatrixRow>>> matrix(std::string model);

  // The most wanted pair that is pending, or whose claim has run out; it is `making` from now on.
  Task<Result<std::optional<PatchPair>>> claim(std::chrono::milliseconds lease);
  Task<Result<void>> renew(PatchPair pair);
  Task<Result<void>> give_back(PatchPair pair);
  // Writes the outcome and its event.
  Task<Result<void>> finish(PatchRow row);

 private:
  DbPool& db_;
};

}  // namespace argosy::server
