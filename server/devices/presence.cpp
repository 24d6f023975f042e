#include "server/devices/presence.hpp"

#include <algorithm>
#include <cstdio>

namespace argosy::server {

namespace {

std::string seconds(Duration duration) {
  char text[32];
  const double value = static_cast<double>(duration.count()) / 1000;
  std::snprintf(text, sizeof text, value < 10 ? "%.1f s" : "%.0f s", value);
  return text;
}

Duration times(Duration interval, double factor) {
  return Duration{static_cast<Duration::rep>(static_cast<double>(interval.count()) * factor)};
}

}  // namespace

PresenceVerdict judge_presence(const PresenceEvidence& evidence, const PresenceRule& rule, Instant now) {
  if (!evidence.last_seen) return {Presence::never_seen, "enrolled, not seen yet"};
  const bool gone = evidence.presence == Presence::offline || evidence.presence == Presence::never_seen;
  const bool heard_since_verdict = *evidence.last_seen >= evidence.since;
  if (evidence.presence == Presence::offline && !heard_since_verdict) return {Presence::offline, "not heard since"};

  const Duration interval = std::clamp(evidence.interval, rule.shortest_interval, rule.longest_interval);
  const Instant silent_since = gone ? *evidence.last_seen : std::max(*evidence.last_seen, evidence.watching_since);
  const Duration silence = now - silent_since;
  const bool suspected = evidence.will_at && *evidence.will_at >= *evidence.last_seen;
  const Duration patience = times(interval, suspected ? rule.suspected_intervals : rule.offline_intervals);
  const std::string promise = seconds(now - *evidence.last_seen) + " silent, expected every " + seconds(interval);

  if (silence >= patience) return {Presence::offline, suspected ? "the connection broke; " + promise : promise};
  if (suspected) return {Presence::late, "the connection broke; " + promise};
  if (silence >= times(interval, rule.late_intervals)) return {Presence::late, promise};
  if (evidence.presence == Presence::late && !heard_since_verdict) return {Presence::late, promise};
  return {Presence::online, "reports every " + seconds(interval)};
}

}  // namespace argosy::server
