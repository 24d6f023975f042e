// A rollout as it is asked for and kept, and what the API shows of it. Pure data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/instant.hpp"
#include "server/models/withdrawal.hpp"
#include "server/rollouts/core/policy.hpp"
#include "server/rollouts/core/rollout.hpp"
#include "server/rollouts/core/rollout_engine.hpp"

namespace argosy::server {

struct NewRollout {
  std::string name;
  std::string model;
  std::string version;
  std::string filter;
  Policy policy;
  std::uint64_t seed = 0;
  std::string person{};               // behind who makes it: Account
  std::optional<Instant> start_at{};  // not before
  bool standing = false;              // once it has completed, devices that come later get the release
};

struct OperatorCall {
  std::int64_t rollout = 0;
  Operation operation = Operation::start;
  std::string if_match{};  // the ETag's text, without quotes; "*" matches any
  std::string cause{};     // of retry; empty: any
  std::string actor{};
  bool include_resting = false;       // of retry: those that rest, too
  std::string person{};               // behind the actor: Account
  std::string comment{};              // of approve and refuse
  std::optional<Instant> start_at{};  // of start
  bool all = false;                   // of promote: the waves behind the next as well
  bool override_guards = false;       // with it: also past required guards that wait
};

// Devices of a wave that hang on who is reachable now, counted as rows move.
struct Reach {
  std::int64_t queued = 0;
  std::int64_t running = 0;
  std::int64_t fetching = 0;  // of these
  std::int64_t suspects = 0;
  std::int64_t going_back = 0;
};

struct WaveRecord {
  double share = 1;  // cumulative
  std::int64_t planned = 0;
  Counts counts;
  std::optional<Instant> opened_at;
  std::optional<Instant> bake_started_at;
  std::optional<Instant> passed_at;
  Reach reach{};
  std::int64_t too_few = 0;  // of those that succeeded: probation saw too few observations
};

struct Planning {  // how far the plan of its devices is
  std::int64_t done = 0;
  std::optional<std::int64_t> total;  // none: they are being looked for
};

struct RolloutRecord {
  std::int64_t id = 0;
  std::string name;
  std::string model;
  std::string version;
  std::int64_t release_id = 0;
  std::string filter;
  Policy policy;
  std::uint64_t seed = 0;
  RolloutState state = RolloutState::draft;
  std::string reason;  // why it is in this state
  int wave = 0;
  std::int64_t etag = 1;
  std::string created_by;
  std::string created_by_person;    // Account
  std::string approved_by;          // empty: nobody has
  std::optional<Instant> start_at;  // not before
  Instant created_at{};
  std::optional<Instant> started_at;
  std::optional<Instant> ended_at;
  std::vector<WaveRecord> waves;
  std::int64_t bytes_sent = 0;          // downloaded by devices for the model itself
  std::int64_t bytes_full = 0;          // what whole files would have been
  std::optional<Withdrawal> withdrawn;  // its release
  std::vector<std::string> warnings;    // what became of earlier rollouts of its release; not in lists
  std::vector<std::string> notes;       // what else stands for devices of its model; not in lists
  std::string canary_reach_json;        // what its canary can find out; empty: not told yet; not in lists
  // Why some of this is missing, because what is stored cannot be read: such a rollout is shown, and can be stopped.
  std::string fault;
  std::string guards_unmeasured;  // why its guards cannot be measured now; empty: they can
  // Devices up to this one have been told of the last halt or roll back, the others follow; none: all have.
  std::optional<std::string> told_up_to;
  std::optional<Instant> pace_spent_until;    // pace.hpp
  std::optional<Instant> looked_for_more_at;  // with dynamic targets
  bool promote_all = false;                   // the waves that are left open without their bakes
  bool overrides_guards = false;              // and without waiting for required guards
  std::optional<Planning> planning;           // none: planned
  bool standing = false;                      // it stands, or will once it has completed
  std::optional<Instant> stands_since;        // none: it does not stand now
  std::int64_t newcomers = 0;                 // that joined while it stood
};

Counts total_counts(const RolloutRecord& record);
Situation situation_of(const RolloutRecord& record);

struct RolloutDetails {  // one rollout, with what costs a look at its devices
  RolloutRecord record;
  std::vector<GuardVerdict> guards;
  std::string gate;  // what the open wave waits for; empty when the rollout does not run
};

struct RolloutDeviceRecord {
  std::string device;
  int wave = 0;
  DeviceStep step = DeviceStep::queued;
  std::string cause;
  std::string message;
  int attempt = 1;
  std::string source;
  std::optional<std::int64_t> bytes;
  std::optional<std::int64_t> full_bytes;
  std::string numbers_json = "{}";
  std::optional<Instant> notified_at;
  std::optional<Instant> started_at;
  std::optional<Instant> finished_at;
  std::optional<Instant> retry_at{};           // when it tries again by itself
  std::optional<Instant> resting_until{};      // it failed again and again, and is told of this model no sooner
  std::optional<wire::ShadowCounts> shadow{};  // of its shadow run; none: there was none
  std::optional<Instant> joined_at{};          // while the rollout stood
};

struct DecisionRecord {
  std::int64_t id = 0;
  Instant at{};
  std::string actor;
  std::string rule;
  std::string decision;
  std::string message;
  std::string inputs_json = "{}";
};

template <class T>
struct RolloutPage {
  std::vector<T> items;
  std::int64_t total = 0;
  bool more = false;
};

}  // namespace argosy::server
