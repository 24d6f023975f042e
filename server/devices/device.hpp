// What the server knows about one device, and the limits of what people may write on it. Pure data and rules.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/id.hpp"
#include "common/base/instant.hpp"
#include "common/base/text.hpp"
#include "server/devices/replacement.hpp"

namespace argosy::server {

inline constexpr std::size_t max_labels = 64;
inline constexpr std::size_t max_label_bytes = 256;

using Labels = std::map<std::string, std::string, std::less<>>;

// A JSON merge patch (RFC 7396) of the labels: nothing in the value takes the label away.
using LabelPatch = std::map<std::string, std::optional<std::string>, std::less<>>;

// Keys are names, values at most 256 bytes of UTF-8, at most 64 labels; the error names the label.
// As a column of jsonb holds them; none where it is damaged.
Labels decode_labels(std::string_view json);
Result<void> check_labels(const Labels& labels);
Result<Labels> apply_patch(Labels labels, const LabelPatch& patch);

// One model on a device, as the device last reported it.
struct InstalledModel {
  std::string model;
  std::string version;  // serving now; empty: none yet
  std::string digest;
  std::string previous_version;
  std::string previous_digest;
  std::string update_state = "idle";
  std::string update_version;
  friend bool operator==(const InstalledModel&, const InstalledModel&) = default;
};

enum class Presence : std::uint8_t { never_seen, online, late, offline };
inline constexpr std::array all_presences{Presence::never_seen, Presence::online, Presence::late, Presence::offline};
std::string_view to_string(Presence presence);
Result<Presence> parse_presence(std::string_view text);
// Why: a stable word beside the sentence.
enum class PresenceCause : std::uint8_t {
  never_seen,
  heard,
  beats_missed,
  connection_broke,
  said_goodbye,
  restart_grace,  // judging was suspended, and it was not heard since: what was thought of it before stands
};
std::string_view to_string(PresenceCause cause);
Result<PresenceCause> parse_presence_cause(std::string_view text);
// Can be told something now: online or late.
bool is_reachable(Presence presence);

struct Device {
  DeviceId id;
  std::string hardware_class;
  Labels labels;
  std::string capabilities_json = "{}";
  std::string agent_version;
  Presence presence = Presence::never_seen;
  Instant presence_since{};
  PresenceCause presence_cause = PresenceCause::never_seen;
  std::string presence_reason;
  std::optional<Instant> intermittent_until;  // it goes and comes too often
  std::optional<Instant> last_seen_at;
  Instant enrolled_at{};
  std::optional<Instant> revoked_at;
  std::optional<Instant> certificate_not_after;
  std::string health_json = "{}";
  std::optional<Instant> health_at;
  std::string report_json = "{}";  // the last state document, whole
  std::vector<InstalledModel> models;
  std::string suggested_json;              // what its configuration suggests; empty: nothing
  std::optional<Replacement> replacement;  // another board that asks for its place
  std::vector<std::string> drifted;        // features that have drifted, sorted
  std::int64_t open_alerts = 0;
};

struct DevicePage {
  std::vector<Device> items;           // ordered by id
  std::optional<DeviceId> next_after;  // the page after this one starts behind it
  std::int64_t total = 0;              // of all that match, whatever the page; a mixed filter's is counted up to 10,000
};

}  // namespace argosy::server
