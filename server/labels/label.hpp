// Labels of observations that people and other systems tell, and what becomes of each. The server cannot match them:
// what was predicted lies on the device. So a label waits here until its device has fetched it and said what it found.
// Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/wire/labels.hpp"
#include "server/devices/device.hpp"

namespace argosy::server {

inline constexpr std::size_t most_labels_told = 1'000;  // in one request
inline constexpr std::size_t most_source_bytes = 64;
inline constexpr std::int64_t most_waiting_labels = 20'000;  // of a device
inline constexpr std::int64_t most_kept_labels = 10'000'000;
inline constexpr Duration labels_wait{7LL * 24 * 3'600'000};  // as long as a device keeps a prediction
inline constexpr Duration labels_kept{14LL * 24 * 3'600'000};

enum class LabelState : std::uint8_t {
  waiting = 1,  // for its device
  counted,
  labelled_before,
  unknown,
  too_late,
  other_model,
  expired,  // the device did not come in time
  revoked   // it will not come any more
};
inline constexpr std::array all_label_states{LabelState::waiting, LabelState::counted,  LabelState::labelled_before,
                                             LabelState::unknown, LabelState::too_late, LabelState::other_model,
                                             LabelState::expired, LabelState::revoked};
std::string_view to_string(LabelState state);  // "labelled_before"
Result<LabelState> parse_label_state(std::string_view text);
// For a person: what happened and, where something can be done, what.
std::string_view describe(LabelState state);
LabelState state_of(wire::LabelOutcome outcome);

struct GivenLabel {
  std::string device;
  std::string model;
  std::uint64_t observation = 0;
  std::int32_t label = 0;
  std::optional<Instant> predicted_at{};
  std::string source;
};

// {"labels": [...]}, each read for itself: one that is wrong names its field and takes none of the others along. An
// error of the whole: no such list, an empty one, or more than most_labels_told.
Result<std::vector<Result<GivenLabel>>> read_labels(std::string_view body);

// What is known of the device that a label is for.
struct LabelledDevice {
  bool revoked = false;
  bool takes_labels = false;  // as it said last
  std::string agent_version;  // empty: it has not said anything yet
  Presence presence = Presence::never_seen;
  std::int64_t waiting = 0;
};

struct LabelVerdict {
  enum class Status : std::uint8_t { accepted, repeated, refused };
  Status status = Status::refused;
  std::string message;                // of a refusal, and of what is worth knowing
  std::optional<LabelState> state{};  // of a repeat
};
std::string_view to_string(LabelVerdict::Status status);

// What there is before a request, and how that changes with each label of it.
class LabelDesk {
 public:
  struct Told {
    std::int32_t label = 0;
    LabelState state = LabelState::waiting;
  };
  using Key = std::tuple<std::string, std::string, std::uint64_t>;  // device, model, observation

  std::map<std::string, LabelledDevice> devices;
  std::set<std::string> models;  // those that exist
  std::map<Key, Told> told;
  std::int64_t kept = 0;

  LabelVerdict judge(const GivenLabel& given, Instant now);
};

struct LabelSums {
  std::int64_t accepted = 0;
  std::int64_t repeated = 0;
  std::int64_t refused = 0;
};
LabelSums sums_of(const std::vector<LabelVerdict>& verdicts);

struct ToldLabel {
  std::int64_t seq = 0;
  GivenLabel given;
  std::string told_by;
  Instant told_at{};
  LabelState state = LabelState::waiting;
  std::optional<Instant> settled_at{};
};

struct LabelCount {
  std::string model;
  LabelState state = LabelState::counted;
  std::int64_t labels = 0;
  Instant newest_at{};
};

struct LabelStatus {
  std::optional<LabelledDevice> device{};  // none: of the fleet
  std::int64_t waiting = 0;
  std::optional<Instant> waiting_since{};  // of one device
  std::vector<LabelCount> counts;          // by model, then state
};

}  // namespace argosy::server
