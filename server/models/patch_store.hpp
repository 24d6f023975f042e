// The SQL of patches. Each call is one transaction on the pool's threads; times of claims are the database's own, so
// that instances with different clocks agree. patch_store.cpp: what people and rollouts ask; patch_work_store.cpp: what
// the makers do; patch_upkeep_store.cpp: what the leader counts and clears away.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "server/base/task.hpp"
#include "server/models/patch.hpp"
#include "server/models/patch_request.hpp"

namespace argosy::server {

class DbPool;

struct PatchClaim {
  PatchPair pair;
  std::string name;  // a random one; only who knows it may renew and finish
  int attempts = 0;  // with this one
};

struct ClaimRound {
  std::optional<PatchClaim> claim;
  std::vector<std::string> abandoned;  // names of claims that ran out: who held them left files behind
};

struct DemandOptions {
  std::chrono::seconds grace{60};  // a pair this young stays, whatever is counted
  bool all = false;                // false: only when some pair is not settled
};

class PatchStore {
 public:
  explicit PatchStore(DbPool& db) : db_(db) {}

  Task<Result<std::vector<PatchRow>>> want(std::vector<PatchPair> pairs);
  Task<Result<std::vector<PatchMatrixRow>>> matrix(std::string model);
  Task<Result<std::vector<PatchMatrixRow>>> ask(PatchRequest request, std::string actor);
  Task<Result<std::vector<PatchMatrixRow>>> cancel(PatchCancellation which, std::string actor);

  // The most wanted pair that is pending, or whose claim has run out, or that may be tried again; it is `making` from
  // now on. A pair whose last attempt ran out fails for good.
  Task<Result<ClaimRound>> claim(std::chrono::milliseconds lease, int max_attempts);
  // False: the pair is not this claim's any more.
  Task<Result<bool>> renew(PatchClaim claim);
  // The attempt does not count.
  Task<Result<void>> give_back(PatchClaim claim);
  // Writes the outcome and its event; `rest` is of a failed one that is to be tried again.
  Task<Result<void>> finish(PatchClaim claim, PatchRow row, std::optional<std::chrono::milliseconds> rest);

  // Counts anew how many devices would use each pair now. Pairs that nobody wants and that are not made are dropped;
  // answers how many.
  Task<Result<std::size_t>> count_demand(DemandOptions options);
  // Settled pairs older than `keep` whose old file no device has and that nobody wants; answers how many.
  Task<Result<std::size_t>> drop_unused(std::chrono::hours keep, std::size_t limit);

 private:
  DbPool& db_;
};

}  // namespace argosy::server
