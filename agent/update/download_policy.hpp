// What the device's owner allows to be downloaded, and when: hours, bytes a day, metered links; and the hours in which
// a model may be switched in. Pure: the clocks, the link and what is spent are passed in.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <variant>

#include "agent/update/blob_source.hpp"
#include "agent/update/hold.hpp"
#include "agent/update/time_windows.hpp"

namespace argosy::agent {

enum class OnMetered : std::uint8_t { wait, patches, all };  // patches: everything but whole models

struct DownloadRules {
  std::uint64_t bytes_per_day = 0;  // 0: as many as there are
  std::uint64_t bytes_per_s = 0;    // 0: as many as the link carries
  bool metered = false;
  std::optional<std::filesystem::path> metered_file = {};  // says so instead, each time it is read
  OnMetered on_metered = OnMetered::wait;
  TimeWindows windows = {};
};

// What of a day's bytes is spent; days are those of the device's own time zone.
struct DaySpent {
  std::int64_t day = 0;
  std::uint64_t bytes = 0;
  friend bool operator==(const DaySpent&, const DaySpent&) = default;
};

// The same as of now: a new day begins with nothing spent. A clock that went back gives nothing back, and one that is
// not set yet knows no day.
DaySpent as_of(const DaySpent& spent, Instant now, const LocalClock& clock);

struct Leave {
  std::optional<std::uint64_t> bytes;  // no more than these; none: no limit
};
using Ruling = std::variant<Leave, Hold>;

struct Circumstances {
  Instant now{};
  bool metered = false;
  std::uint64_t spent_today = 0;
};

Ruling rule_on_download(const DownloadRules& rules, BlobKind kind, const Circumstances& seen, const LocalClock& clock);

// Whether one that has begun may go on: a link that became metered meanwhile does not end it.
bool may_go_on(const DownloadRules& rules, const Circumstances& seen, const LocalClock& clock);

// None: at once. `what` names the windows in the hold's text.
std::optional<Hold> wait_for_window(const TimeWindows& windows, const std::string& what, Instant now,
                                    const LocalClock& clock);

}  // namespace argosy::agent
