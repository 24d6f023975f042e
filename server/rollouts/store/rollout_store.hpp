// The SQL of rollouts: each method is one transaction on a DB thread, repeatable after a lost connection. Writes
// rollouts*, device_targets and the journal, reads what it needs of the others. Coroutines resume on the I/O thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/wire/state.hpp"
#include "server/base/task.hpp"
#include "server/models/patch.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

class DbPool;

struct NewRollout {
  std::string name;
  std::string model;
  std::string version;
  std::string filter;
  Policy policy;
  std::uint64_t seed = 0;
};

struct OperatorCall {
  std::int64_t rollout = 0;
  Operation operation = Operation::start;
  std::string if_match;  // the ETag's text, without quotes; "*" matches any
  std::string cause;     // of retry; empty: any
  std::string actor;
};

struct Advance {                  // what one tick did to one rollout
  std::vector<PatchPair> wanted;  // patches that devices wait for and nobody has asked for yet
  std::int64_t notified = 0;
  bool acted = false;    // another tick may find more to do at once
  bool stopped = false;  // by something that was found on the way
};

struct Guards {  // figures, and the ETag of the rollout that they were measured for
  std::vector<GuardInput> inputs;
  std::int64_t etag = 0;
};

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

  // Errc::precondition_failed when the ETag is another, illegal_transition with the reason. `guards` as they are now:
  // what is resumed or promoted is accepted as it stands.
  Task<Result<RolloutRecord>> operate(OperatorCall call, std::vector<GuardInput> guards, Instant now);

  // Rollouts that a tick may have something to do for: those that are being stopped first, then the oldest first.
  Task<Result<std::vector<RolloutRecord>>> active();
  Task<Result<std::vector<GuardInput>>> measure(RolloutRecord record);
  // Snapshot, next_actions and all their effects. Two servers that tick at once do it one after the other. Devices that
  // were revoked before `revoked_since` have been seen to.
  Task<Result<Advance>> advance(std::int64_t id, Guards guards, std::optional<Instant> revoked_since, Instant now);
  // Writes into the decisions that guards cannot be measured, and why, or that they can be again (`why` empty); nothing
  // when the decisions say so already.
  Task<Result<void>> log_measuring(std::int64_t id, std::string why, Instant now);
  // Answers how many devices moved.
  Task<Result<std::size_t>> take_reports(std::vector<wire::DeviceState> states, Instant now);

 private:
  DbPool& db_;
};

}  // namespace argosy::server
