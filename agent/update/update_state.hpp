// What one model's update knows: plain data, pure, kept in the journal. Slots a and b hold whole versions; one of them
// serves, the other is where the next version is built.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/wire/desired.hpp"
#include "common/wire/state.hpp"

namespace argosy::agent {

enum class Phase : std::uint8_t {
  idle,
  planning,
  downloading,
  patching,
  verifying,
  validating,
  shadowing,  // the inference program asks both versions
  activating,
  probation,
  committed,
  rejected,
  failed,
  rolling_back,
  rolled_back,
};

std::string_view to_string(Phase phase);
std::optional<Phase> parse_phase(std::string_view text);
bool is_terminal(Phase phase);           // idle, committed, rejected, failed, rolled_back
bool is_before_activation(Phase phase);  // planning to shadowing: nothing that serves has been touched

enum class SlotName : std::uint8_t { a, b };
std::string_view to_string(SlotName slot);
std::optional<SlotName> parse_slot(std::string_view text);
inline SlotName other(SlotName slot) {
  return slot == SlotName::a ? SlotName::b : SlotName::a;
}

struct SlotContent {
  std::string version;
  std::string digest;
  std::string format;
  std::uint64_t size = 0;
  bool proven = false;  // it was committed once: fit to go back to without asking again
  std::vector<wire::Part> parts = {};
  friend bool operator==(const SlotContent&, const SlotContent&) = default;
};

// A version's files as they lie in its slot: the model first, then its parts.
std::vector<wire::Part> files_of(const SlotContent& content);
std::vector<wire::Part> files_of(const wire::DesiredModel& wish);
// What a wish makes of its slot.
SlotContent content_of(const wire::DesiredModel& wish);
std::uint64_t size_of(const std::vector<wire::Part>& files);
// Whoever made the offer says how much it is: what is absurd must not come out small.
std::uint64_t sum(std::uint64_t a, std::uint64_t b);
// The patches that lead to one of the wish's files, by its place in files_of().
const std::vector<wire::PatchOffer>& patches_to(const wire::DesiredModel& wish, std::size_t file);

// What is on disk. `serving` is where the `current` link leads.
struct Slots {
  std::array<std::optional<SlotContent>, 2> content;
  std::optional<SlotName> serving;

  const std::optional<SlotContent>& at(SlotName slot) const { return content[static_cast<std::size_t>(slot)]; }
  std::optional<SlotContent>& at(SlotName slot) { return content[static_cast<std::size_t>(slot)]; }
  const SlotContent* served() const { return serving && at(*serving) ? &*at(*serving) : nullptr; }
  // Where a file with this digest lies, whatever its name.
  std::optional<SlotName> holding(std::string_view digest) const;
  friend bool operator==(const Slots&, const Slots&) = default;
};

enum class Source : std::uint8_t { none, patch, full, local };
std::string_view to_string(Source source);  // none is empty
std::optional<Source> parse_source(std::string_view text);

// How one file of the wished version comes. `local`: it lies in a slot already.
struct FileWay {
  Source source = Source::none;
  std::optional<wire::PatchOffer> patch;
  bool whole_only = false;          // a patch failed, or the slot's file was not what it should be
  std::uint64_t fetched_bytes = 0;  // of this file, on the way that is tried now
  friend bool operator==(const FileWay&, const FileWay&) = default;
};

// How the version that serves behaves before it is replaced; probation compares with it.
struct Baseline {
  std::optional<double> latency_p95_ms;
  std::uint64_t observations = 0;  // 0: there was no traffic
  friend bool operator==(const Baseline&, const Baseline&) = default;
};

// What was seen of the new version since it was activated, or since the agent's start if that is later.
struct ProbationTotals {
  std::uint64_t observations = 0;
  std::uint64_t errors = 0;
  std::optional<double> latency_p95_ms;
  bool program_down = false;  // the inference program is known to be not running
  friend bool operator==(const ProbationTotals&, const ProbationTotals&) = default;
};

struct UpdateState {
  Phase phase = Phase::idle;
  Instant changed_at{};
  std::optional<wire::DesiredModel> wish;     // what this update is for; none when idle
  std::optional<wire::DesiredModel> pending;  // taken up when this one has ended
  Slots slots;
  SlotName target = SlotName::a;  // where the wished version is built, then serves
  std::int64_t ticket = 0;        // of the newest effect: outcomes of older ones are stale and ignored
  std::uint64_t seed = 0;         // of this device's back-off
  int starts = 0;                 // of the agent inside this update without progress

  std::vector<FileWay> ways = std::vector<FileWay>(1);  // of the wish's files, as in files_of()
  std::size_t file = 0;                                 // which of them comes now; those before it are here
  bool dataset_ready = false;
  bool fetching_dataset = false;    // else a file of the version or its patch
  int tries = 0;                    // of the present fetch or roll-back, without progress
  int wrong_bytes = 0;              // fetches whose digest was wrong
  std::optional<Instant> retry_at;  // set while the machine waits for a Tick
  bool held = false;                // it waits because its owner wants it to: no try has failed, and `message` says why
  std::uint64_t wasted_bytes = 0;   // fetched for ways that failed
  double progress = 0;

  wire::ShadowCounts shadow;
  std::optional<Instant> shadow_from;  // set once the shadow run has begun; kept through restarts

  Baseline baseline;
  ProbationTotals totals;
  int strikes = 0;  // looks in a row at which the new version was worse
  std::optional<Instant> probation_from;

  FileWay& way() { return ways[file]; }
  const FileWay& way() const { return ways[file]; }

  std::string cause;
  std::string message;
  std::optional<double> metric_value;
  std::optional<double> serving_value;  // of the version that served, in the same validation
  std::optional<double> serving_p95_ms;
  std::optional<double> latency_p95_ms;
  std::optional<double> peak_memory_mb;
  std::optional<std::uint64_t> samples;

  friend bool operator==(const UpdateState&, const UpdateState&) = default;
};

// The file of the wish that comes now.
wire::BlobRef present_file(const UpdateState& state);

// What the server is told about this model.
wire::ModelReport report(std::string_view model, const UpdateState& state);

}  // namespace argosy::agent
