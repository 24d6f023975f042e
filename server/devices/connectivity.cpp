#include "server/devices/connectivity.hpp"

#include <algorithm>

namespace argosy::server {

namespace {

TimelineState state_of_presence(Presence presence) {
  switch (presence) {
    case Presence::online:
      return TimelineState::online;
    case Presence::late:
      return TimelineState::late;
    case Presence::offline:
      return TimelineState::offline;
    case Presence::never_seen:
      return TimelineState::unknown;
  }
  return TimelineState::unknown;
}

Duration share_of(Duration whole, const Stretch& part, const Stretch& of) {
  if (of.length() == Duration{0}) return Duration{0};
  const double share = static_cast<double>(part.length().count()) / static_cast<double>(of.length().count());
  return Duration{static_cast<Duration::rep>(static_cast<double>(whole.count()) * share)};
}

// The part of a span that lies in `time`, which is within it.
TimelineSpan part_of(const TimelineSpan& span, const Stretch& time) {
  TimelineSpan part = span;
  part.time = time;
  part.reachable = share_of(span.reachable, time, span.time);
  return part;
}

void add_span(std::vector<TimelineSpan>& timeline, TimelineSpan span) {
  if (span.time.length() == Duration{0}) return;
  const bool goes_on = !timeline.empty() && span.state == TimelineState::unknown &&
                       timeline.back().state == TimelineState::unknown && timeline.back().time.to == span.time.from;
  if (goes_on) {
    timeline.back().time.to = span.time.to;
  } else {
    timeline.push_back(std::move(span));
  }
}

TimelineSpan unknown_span(const Stretch& time) {
  return {time, TimelineState::unknown, PresenceCause::restart_grace, "nobody watched", 0, {}};
}

// Without the time in which nobody watched.
void add_watched(std::vector<TimelineSpan>& timeline, const TimelineSpan& span, const std::vector<Stretch>& unwatched) {
  Instant at = span.time.from;
  const auto ends_before = [](const Stretch& gap, Instant from) { return gap.to <= from; };
  for (auto gap = std::lower_bound(unwatched.begin(), unwatched.end(), at, ends_before);
       gap != unwatched.end() && gap->from < span.time.to; ++gap) {
    const Stretch blind = common(*gap, span.time);
    add_span(timeline, part_of(span, {at, blind.from}));
    add_span(timeline, unknown_span(blind));
    at = blind.to;
  }
  add_span(timeline, part_of(span, {at, span.time.to}));
}

TimelineSpan unsettled_part(const KeptSpan& kept) {
  return {{kept.time.from, kept.settled_at},
          TimelineState::unsettled,
          std::nullopt,
          "it went and came so often that its changes were not kept one by one",
          kept.changes,
          kept.reachable};
}

TimelineSpan settled_part(const KeptSpan& kept) {
  const Stretch time{kept.settled_at, kept.time.to};
  const Duration reachable = is_reachable(kept.presence) ? time.length() : Duration{0};
  return {time, state_of_presence(kept.presence), kept.cause, kept.reason, 1, reachable};
}

}  // namespace

Stretch common(const Stretch& one, const Stretch& other) {
  const Instant from = std::max(one.from, other.from);
  return {from, std::max(from, std::min(one.to, other.to))};
}

std::string_view to_string(TimelineState state) {
  switch (state) {
    case TimelineState::online:
      return "online";
    case TimelineState::late:
      return "late";
    case TimelineState::offline:
      return "offline";
    case TimelineState::unsettled:
      return "unsettled";
    case TimelineState::unknown:
      return "unknown";
  }
  return "unknown";
}

std::vector<TimelineSpan> timeline_of(const std::vector<KeptSpan>& kept, const std::vector<Stretch>& unwatched,
                                      const Stretch& range) {
  std::vector<TimelineSpan> timeline;
  for (const KeptSpan& span : kept)
    for (const TimelineSpan& part : {unsettled_part(span), settled_part(span)})
      add_watched(timeline, part_of(part, common(part.time, range)), unwatched);
  return timeline;
}

std::optional<double> Availability::share() const {
  if (expected == Duration{0}) return std::nullopt;
  return static_cast<double>(reachable.count()) / static_cast<double>(expected.count());
}

Availability& Availability::operator+=(const Availability& other) {
  reachable += other.reachable;
  expected += other.expected;
  unknown += other.unknown;
  return *this;
}

Availability availability_of(const std::vector<TimelineSpan>& timeline) {
  Availability sum;
  for (const TimelineSpan& span : timeline) {
    const bool is_known = span.state != TimelineState::unknown;
    (is_known ? sum.expected : sum.unknown) += span.time.length();
    sum.reachable += span.reachable;
  }
  return sum;
}

Instant hour_of(Instant at) {
  return std::chrono::floor<std::chrono::hours>(at);
}

std::vector<SiteHour> hours_of(std::int64_t devices, std::int64_t reachable, const Stretch& time,
                               const std::vector<Stretch>& unwatched) {
  std::vector<SiteHour> hours;
  for (Instant hour = hour_of(time.from); hour < time.to; hour += std::chrono::hours(1)) {
    const Stretch part = common({hour, hour + std::chrono::hours(1)}, time);
    Duration watched = part.length();
    for (const Stretch& gap : unwatched) watched -= common(gap, part).length();
    if (watched > Duration{0} && devices > 0) hours.push_back({hour, watched * reachable, watched * devices});
  }
  return hours;
}

}  // namespace argosy::server
