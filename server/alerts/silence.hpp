// Silences: what keeps alerts from being told for a time, and who wanted it so. One that is planned, or comes back in
// the same hours of every week, is a maintenance window. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/rollouts/core/maintenance_window.hpp"

namespace argosy::server {

inline constexpr std::int64_t most_silences = 500;  // that have not ended
inline constexpr Duration longest_silence{366LL * 24 * 3'600'000};

// Which alerts. What is empty asks nothing.
struct SilenceMatch {
  std::string filter;  // of devices; a site's alert counts as a device with the site's label alone
  std::string rule;
  std::string model;
  std::string severity;
};

struct Silence {
  std::int64_t id = 0;
  SilenceMatch match;
  Instant starts_at{};
  Instant ends_at{};
  std::optional<Maintenance> weekly;  // in these hours alone
  std::string author;
  std::string comment;
  Instant created_at{};
  Instant changed_at{};
  std::string changed_by;
  std::optional<Instant> ended_at;
  std::string ended_by;    // empty: by itself
  bool in_effect = false;  // as the alerts know it
};

// A silence as somebody wants it: {"filter", "rule", "model", "severity", "starts_at" (now), "ends_at", "weekly",
// "comment"}. Errors name the field.
Result<Silence> read_silence(std::string_view body, Instant now);
std::string silence_to_json(const Silence& silence);

// `wall` is what clocks show in the zone of its hours; nothing where there is no such zone, and then it never is.
bool is_in_effect(const Silence& silence, Instant now, const std::optional<WallTime>& wall);

struct AlertFacts {
  std::string_view rule;
  std::string_view model;
  std::string_view severity;
};
// But for its filter.
bool asks_for(const SilenceMatch& match, const AlertFacts& alert);

}  // namespace argosy::server
