#include "agent/update/download_policy.hpp"

namespace argosy::agent {

namespace {

constexpr std::size_t date_length = 10;  // a text that changed each time would be news each time

bool is_allowed_on_metered(OnMetered rule, BlobKind kind) {
  return rule == OnMetered::all || (rule == OnMetered::patches && kind != BlobKind::model);
}

Hold wait_for_another_link(OnMetered rule) {
  const std::string what = rule == OnMetered::patches ? "the whole model waits" : "downloads wait";
  return {std::nullopt, "the link is metered: " + what + " for another (downloads.on_metered)"};
}

Hold wait_for_another_day(const DownloadRules& rules, Instant now, const LocalClock& clock) {
  const Instant midnight = next_midnight(now, clock);
  return {midnight, "the " + std::to_string(rules.bytes_per_day >> 20) +
                        " MB of today are used up: waiting for the next day, " + to_rfc3339(midnight) +
                        " (downloads.max_mb_per_day)"};
}

bool is_open(const TimeWindows& windows, Instant now, const LocalClock& clock) {
  return windows.always() || (now >= clock_is_set_from && windows.open_at(clock(now)));
}

}  // namespace

DaySpent as_of(const DaySpent& spent, Instant now, const LocalClock& clock) {
  if (now < clock_is_set_from) return spent;
  const std::int64_t today = clock(now).day;
  return {today, today > spent.day ? 0 : spent.bytes};
}

std::optional<Hold> wait_for_window(const TimeWindows& windows, const std::string& what, Instant now,
                                    const LocalClock& clock) {
  if (is_open(windows, now, clock)) return std::nullopt;
  if (now < clock_is_set_from)
    return Hold{std::nullopt, "the clock is not set, it shows " + to_rfc3339(now).substr(0, date_length) +
                                  ": waiting for the time (" + what + ")"};
  const auto opening = windows.next_opening(now, clock);
  return Hold{opening, "waiting for " + windows.text() +
                           (opening ? ", next at " + to_rfc3339(*opening) : std::string(", not in two weeks")) + " (" +
                           what + ")"};
}

Ruling rule_on_download(const DownloadRules& rules, BlobKind kind, const Circumstances& seen, const LocalClock& clock) {
  if (seen.metered && !is_allowed_on_metered(rules.on_metered, kind)) return wait_for_another_link(rules.on_metered);
  if (auto hold = wait_for_window(rules.windows, "downloads.windows", seen.now, clock)) return std::move(*hold);
  if (rules.bytes_per_day == 0) return Leave{std::nullopt};
  if (seen.spent_today >= rules.bytes_per_day) return wait_for_another_day(rules, seen.now, clock);
  return Leave{rules.bytes_per_day - seen.spent_today};
}

bool may_go_on(const DownloadRules& rules, const Circumstances& seen, const LocalClock& clock) {
  const bool has_bytes = rules.bytes_per_day == 0 || seen.spent_today < rules.bytes_per_day;
  return has_bytes && is_open(rules.windows, seen.now, clock);
}

}  // namespace argosy::agent
