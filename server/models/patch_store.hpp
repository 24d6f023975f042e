// The SQL of patches. Functors for DbPool::transact, run on the DB threads; times of claims are the database's own,
// so that instances with different clocks agree. patch_store.cpp: what people and rollouts ask; patch_work_store.cpp:
// what the makers do; patch_upkeep_store.cpp: what the leader counts and clears away.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "server/models/patch.hpp"
#include "server/models/patch_request.hpp"

namespace argosy::server {

struct PatchClaim {
  PatchPair pair;
  std::string name;  // a random one; only who knows it may renew and finish
  int attempts = 0;  // with this one
};

struct ClaimRound {
  std::optional<PatchClaim> claim;
  std::vector<std::string> abandoned;  // names of claims that ran out: their makers left files behind
};

struct DemandOptions {
  std::chrono::seconds grace{60};  // a pair this young stays, whatever is counted
  bool all = false;                // false: only when some pair is not settled
};

struct FilePair;

// The present state of each pair, in the order asked; pairs seen for the first time become pending.
struct WantPatches {
  std::vector<PatchPair> pairs;
  std::vector<PatchRow> operator()(pqxx::work& transaction) const;
};

struct ReadPatchMatrix {
  std::string model;
  Result<std::vector<PatchMatrixRow>> operator()(pqxx::work& transaction) const;
};

struct AskForPatches {
  PatchRequest request;
  std::string actor;
  Result<std::vector<PatchMatrixRow>> operator()(pqxx::work& transaction) const;

 private:
  void ask(pqxx::work& transaction, const FilePair& pair) const;
  void audit(pqxx::work& transaction, const VersionPair& pair) const;
};

struct CancelPatches {
  PatchCancellation which;
  std::string actor;
  Result<std::vector<PatchMatrixRow>> operator()(pqxx::work& transaction) const;

 private:
  bool cancel(pqxx::work& transaction, const FilePair& pair) const;
  Error nothing_to_cancel(pqxx::work& transaction, const std::set<FilePair>& named) const;
};

// The most wanted pair that is pending, or whose claim has run out, or that may be tried again; it is `making` from
// now on. A pair whose last attempt ran out fails for good.
struct ClaimPatch {
  std::chrono::milliseconds lease{};
  int max_attempts = 0;
  std::string name;  // the claim's
  ClaimRound operator()(pqxx::work& transaction) const;

 private:
  std::vector<std::string> fail_exhausted(pqxx::work& transaction) const;
};

// False: the pair is not this claim's any more.
struct RenewPatchClaim {
  PatchClaim claim;
  bool operator()(pqxx::work& transaction) const;
};

// The attempt does not count.
struct GiveBackPatch {
  PatchClaim claim;
  void operator()(pqxx::work& transaction) const;
};

// Writes the outcome and its event; `rest` is of a failed one that is to be tried again.
struct FinishPatch {
  PatchClaim claim;
  PatchRow row;
  std::optional<std::chrono::milliseconds> rest;
  void operator()(pqxx::work& transaction) const;
};

// Counts anew how many devices would use each pair now. Pairs that nobody wants and that are not made are dropped;
// answers how many.
struct CountPatchDemand {
  DemandOptions options;
  Result<std::size_t> operator()(pqxx::work& transaction) const;

 private:
  std::size_t drop_unwanted(pqxx::work& transaction) const;
};

// Settled pairs older than `keep` whose old file no device has and that nobody wants; answers how many.
struct DropUnusedPatches {
  std::chrono::hours keep{};
  std::size_t limit = 0;
  std::size_t operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
