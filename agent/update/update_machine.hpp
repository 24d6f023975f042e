// The update state machine of one model: a state and an event give the next state and what to do. Pure: no I/O, no
// clock, no randomness but the state's own seed. The shell keeps the next state first, then acts, then feeds the
// outcome back as an event; an outcome carries its effect's ticket, and late ones change nothing.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "agent/update/hold.hpp"
#include "agent/update/update_state.hpp"
#include "agent/update/verdict.hpp"

namespace argosy::agent {

inline constexpr int max_starts = 5;                        // of the agent inside one update, before it ends as failed
inline constexpr int max_wrong_bytes = 3;                   // fetches of one blob with a wrong digest
inline constexpr std::uint64_t disk_reserve = 16ULL << 20;  // bytes that an update leaves free
inline constexpr Duration retry_base{1000};
inline constexpr Duration retry_cap{300'000};
inline constexpr Duration longest_wait = std::chrono::hours(24);  // what Retry-After can ask for
inline constexpr Duration look_again{300'000};                    // at the latest, whether a hold still holds
inline constexpr Duration longest_spread{30'000};                 // after its end

// Effects: what the shell does --------------------------------------------------------------------------------------
struct Survey {};   // look at free space, bytes already fetched and the data set -> Surveyed
struct ClearSlot {  // make room; no outcome
  SlotName slot;
};
struct FetchBlob {  // download or resume into the downloads folder, with its digest verified -> Fetched | FetchFailed
  wire::BlobRef blob;
  bool is_dataset = false;
};
struct ShareFile {  // give a slot's file a name in the downloads folder, too -> Fetched | FetchFailed
  wire::BlobRef blob;
  SlotName slot;
};
// `base` is a slot, or nothing for a file that an earlier patch has left in the downloads folder. What a patch makes
// goes to the downloads folder, too.
struct StreamPatch {  // download and apply at once, gone on with where it stopped -> Fetched | FetchFailed
  wire::PatchOffer patch;
  std::optional<SlotName> base;
};
struct ApplyPatch {  // base + downloaded patch -> Patched | PatchFailed
  wire::PatchOffer patch;
  std::optional<SlotName> base;
};
struct VerifyVersion {  // check each file's size and digest, and put them into the slot unless they are there
  SlotName target;      // -> Verified | VerifyFailed
};
struct Validate {  // run the model on the data set in a process of its own -> Validated
  SlotName target;
};
struct Activate {  // lead `current` to the slot and tell the inference program -> Activated | ActivateFailed
  SlotName target;
};
struct RollBack {  // the same, to the version before -> RolledBack | RollBackFailed
  SlotName target;
};
struct MarkProven {  // note in the slot that its version was committed; no outcome
  SlotName slot;
};
struct MendLink {  // `current` leads nowhere: lead it to this slot; no outcome
  SlotName slot;
};
struct Abort {};  // stop what runs for this model; no outcome
struct Sweep {};  // remove downloads that nobody wants any more; no outcome

using Work = std::variant<Survey, ClearSlot, FetchBlob, ShareFile, StreamPatch, ApplyPatch, VerifyVersion, Validate,
                          Activate, RollBack, MarkProven, MendLink, Abort, Sweep>;
struct Effect {
  Work work;
  std::int64_t ticket = 0;
};

// Events: what happened ---------------------------------------------------------------------------------------------
struct Wished {  // the desired document names this model
  wire::DesiredModel wish;
};
struct Withdrawn {};              // it no longer does
struct Tick {                     // at wake_at(state), or any time
  bool due = false;               // wake_at has come by a clock that never jumps, whatever `now` says
  std::optional<Hold> hold = {};  // of switching in what has been validated
};
struct Surveyed {
  std::int64_t ticket = 0;
  std::uint64_t free_bytes = 0;
  std::vector<std::uint64_t> have_bytes = {0};        // of each whole file, already downloaded or made
  bool dataset_ready = false;                         // cached, or the device has its own
  std::map<std::string, std::uint64_t> applied = {};  // as in PlanResources
  std::set<std::string> results = {};
  std::string unsuited = {};  // why this device cannot run it; empty: it can, as far as is known
};
struct FetchProgress {
  std::int64_t ticket = 0;
  std::uint64_t bytes = 0;  // of the blob on disk
};
struct Fetched {
  std::int64_t ticket = 0;
};
struct FetchFailed {
  std::int64_t ticket = 0;
  Error error;
  bool passing = true;  // network trouble: worth another try
  std::optional<Duration> retry_after;
  std::optional<Hold> hold = {};  // it was not trouble: its owner wants it to wait
};
struct Patched {
  std::int64_t ticket = 0;
};
struct PatchFailed {
  std::int64_t ticket = 0;
  Error error;
};
struct Verified {
  std::int64_t ticket = 0;
};
struct VerifyFailed {
  std::int64_t ticket = 0;
  Error error;
  std::size_t file = 0;  // which of the wish's
};
struct Validated {
  std::int64_t ticket = 0;
  ValidationOutcome outcome;
  Baseline baseline;              // of the version that serves now
  std::optional<Hold> hold = {};  // of switching it in
};
struct Shadowed {                 // during the shadow run, now and then
  wire::ShadowCounts seen;        // since the last one
  std::optional<Hold> hold = {};  // of switching in what was looked at long enough
};
struct Activated {
  std::int64_t ticket = 0;
};
struct ActivateFailed {
  std::int64_t ticket = 0;
  Error error;
  bool switched = false;  // `current` already leads to the target
};
struct Observed {  // during probation, at each window's end
  ProbationTotals totals;
};
struct RolledBack {
  std::int64_t ticket = 0;
};
struct RollBackFailed {
  std::int64_t ticket = 0;
  Error error;
};

using Event =
    std::variant<Wished, Withdrawn, Tick, Surveyed, FetchProgress, Fetched, FetchFailed, Patched, PatchFailed, Verified,
                 VerifyFailed, Validated, Shadowed, Activated, ActivateFailed, Observed, RolledBack, RollBackFailed>;

struct Step {
  UpdateState next;
  std::vector<Effect> effects;
  bool keep = false;  // write `next` to the journal before acting; false when only progress moved
};

Step step(const UpdateState& state, const Event& event, Instant now);

// The first step after a start. `journal` is empty when there is none or it cannot be read: then the facts decide.
Step recover(const std::optional<UpdateState>& journal, const Slots& on_disk, Instant now);

// When the machine wants a Tick; none: not before another event.
std::optional<Instant> wake_at(const UpdateState& state);

}  // namespace argosy::agent
