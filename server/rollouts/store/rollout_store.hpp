// Making rollouts and reading them. One transaction a call, on a DB thread, repeatable after a lost connection; resumes
// on the I/O thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/base/task.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

class DbPool;

class RolloutStore {
 public:
  explicit RolloutStore(DbPool& db) : db_(db) {}

  // A draft with its plan of waves. Errc::not_found (model, version), filter_syntax.
  Task<Result<RolloutRecord>> create(NewRollout rollout, std::string actor, Instant now);
  Task<Result<RolloutRecord>> get(std::int64_t id);
  Task<Result<RolloutDetails>> details(std::int64_t id, std::vector<GuardInput> guards, Instant now);
  // Newest first, with an id under `before`.
  Task<Result<RolloutPage<RolloutRecord>>> list(std::int64_t before, std::size_t limit);
  // By device id, behind `after`; `key` is a state, a failure's cause, or empty for all.
  Task<Result<RolloutPage<RolloutDeviceRecord>>> devices(std::int64_t id, std::string key, std::string after,
                                                         std::size_t limit);
  // Newest first, with an id under `before`.
  Task<Result<RolloutPage<DecisionRecord>>> decisions(std::int64_t id, std::int64_t before, std::size_t limit);
  // Rollouts that a tick may have something to do for: those that are being stopped first, then the oldest first.
  Task<Result<std::vector<RolloutRecord>>> active();

 private:
  DbPool& db_;
};

}  // namespace argosy::server
