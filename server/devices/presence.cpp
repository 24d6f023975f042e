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

bool is_gone(Presence presence) {
  return !is_reachable(presence);
}

Duration promised_interval(const PresenceEvidence& evidence, const PresenceRule& rule) {
  return std::clamp(evidence.interval, rule.shortest_interval, rule.longest_interval);
}

// Since when silence counts against it; of a device that was heard.
Instant silent_since(const PresenceEvidence& evidence) {
  return is_gone(evidence.presence) ? *evidence.last_seen : std::max(*evidence.last_seen, evidence.watching_since);
}

bool is_suspected(const PresenceEvidence& evidence) {
  return evidence.will_at && *evidence.will_at >= *evidence.last_seen;
}

// A connection that breaks leaves the time to make another, whenever the device was heard last: of many that break
// together, as of one site, none is gone before it had its chance.
Instant offline_at(const PresenceEvidence& evidence, const PresenceRule& rule, Instant since) {
  const Duration interval = promised_interval(evidence, rule);
  const Instant by_silence = since + times(interval, rule.offline_intervals);
  if (!is_suspected(evidence)) return by_silence;
  return std::min(by_silence, std::max(since, *evidence.will_at) + times(interval, rule.suspected_intervals));
}

std::string began_with(PresenceCause cause) {
  if (cause == PresenceCause::connection_broke) return "the connection broke; ";
  return cause == PresenceCause::said_goodbye ? "it said goodbye; " : "";
}

}  // namespace

PresenceVerdict judge_presence(const PresenceEvidence& evidence, const PresenceRule& rule, Instant now) {
  if (!evidence.last_seen) return {Presence::never_seen, PresenceCause::never_seen, "enrolled, not seen yet"};
  const bool heard_since_verdict = *evidence.last_seen >= evidence.since;
  if (evidence.presence == Presence::offline && !heard_since_verdict)
    return {Presence::offline, PresenceCause::beats_missed, "not heard since"};

  const Duration interval = promised_interval(evidence, rule);
  const Duration silence = now - silent_since(evidence);
  const bool suspected = is_suspected(evidence);
  const auto cause = !suspected              ? PresenceCause::beats_missed
                     : evidence.said_goodbye ? PresenceCause::said_goodbye
                                             : PresenceCause::connection_broke;
  const std::string promise = seconds(now - *evidence.last_seen) + " silent, expected every " + seconds(interval);

  if (now >= offline_at(evidence, rule, silent_since(evidence)))
    return {Presence::offline, cause, began_with(cause) + promise};
  const bool stays_late = evidence.presence == Presence::late && !heard_since_verdict;
  if (suspected || stays_late || silence >= times(interval, rule.late_intervals))
    return {Presence::late, cause, began_with(cause) + promise};
  return {Presence::online, PresenceCause::heard, "reports every " + seconds(interval)};
}

std::optional<Instant> next_presence_check(const PresenceEvidence& evidence, const PresenceVerdict& verdict,
                                           const PresenceRule& rule, Instant now) {
  if (is_gone(verdict.presence)) return std::nullopt;
  const Duration interval = promised_interval(evidence, rule);
  // A device that has come back is judged as one that is there from now on: by the later of the two times.
  const Instant since = std::max(*evidence.last_seen, evidence.watching_since);
  const Instant next = verdict.presence == Presence::online ? since + times(interval, rule.late_intervals)
                                                            : offline_at(evidence, rule, since);
  return std::max(next, now + Duration{1});
}

bool is_swing(Presence before, Presence after) {
  if (before == Presence::never_seen || after == Presence::never_seen) return false;
  return is_reachable(before) != is_reachable(after);
}

std::vector<Instant> with_swing(std::vector<Instant> swings, Instant now, const IntermittentRule& rule) {
  swings.insert(swings.begin(), now);
  if (swings.size() > rule.swings) swings.resize(rule.swings);
  return swings;
}

std::optional<Instant> intermittent_until(const std::vector<Instant>& swings, Instant now,
                                          const IntermittentRule& rule) {
  if (swings.size() < rule.swings) return std::nullopt;
  const Instant until = swings[rule.swings - 1] + rule.within;
  return until > now ? std::optional(until) : std::nullopt;
}

}  // namespace argosy::server
