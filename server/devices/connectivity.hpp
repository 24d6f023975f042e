// How much of the time devices were there: the timeline of one, and what the counts of a site come to by the hour. Late
// is there. Of time before a device was first seen nothing is expected, and of time in which nobody watched nothing is
// known: neither counts. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/instant.hpp"
#include "server/devices/device.hpp"

namespace argosy::server {

struct Stretch {  // of time, without its end
  Instant from{};
  Instant to{};
  Duration length() const { return to > from ? to - from : Duration{0}; }
};
Stretch common(const Stretch& one, const Stretch& other);  // empty where they have nothing in common

// A line of presence_spans. Up to `settled_at` it stands for many changes.
struct KeptSpan {
  Stretch time;
  Presence presence = Presence::online;  // since settled_at
  PresenceCause cause = PresenceCause::heard;
  std::string reason;
  Instant settled_at{};
  Duration reachable{};  // of the time before settled_at
  std::int64_t changes = 1;
};

// `unsettled`: it changed so often that the changes were not kept one by one.
enum class TimelineState : std::uint8_t { online, late, offline, unsettled, unknown };
std::string_view to_string(TimelineState state);

struct TimelineSpan {
  Stretch time;
  TimelineState state = TimelineState::unknown;
  std::optional<PresenceCause> cause;
  std::string reason;
  std::int64_t changes = 0;  // that began or lie in it
  Duration reachable{};
};

// Both lists in the order of time, and without overlaps; the result likewise, within `range`.
std::vector<TimelineSpan> timeline_of(const std::vector<KeptSpan>& kept, const std::vector<Stretch>& unwatched,
                                      const Stretch& range);

// Time of one device, or of many together.
struct Availability {
  Duration reachable{};
  Duration expected{};
  Duration unknown{};
  std::optional<double> share() const;  // nothing: nothing was expected
  Availability& operator+=(const Availability& other);
};
Availability availability_of(const std::vector<TimelineSpan>& timeline);

struct SiteHour {
  Instant hour{};
  Duration reachable{};  // of all devices together
  Duration expected{};
};
// What so many devices come to in that time; hours in which nobody watched are left out.
std::vector<SiteHour> hours_of(std::int64_t devices, std::int64_t reachable, const Stretch& time,
                               const std::vector<Stretch>& unwatched);

Instant hour_of(Instant at);

}  // namespace argosy::server
