#include "agent/update/time_windows.hpp"

#include <algorithm>
#include <string_view>

namespace argosy::agent {

namespace {

using std::chrono::minutes;

constexpr std::array<std::string_view, 7> weekday_names = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
constexpr int minutes_of_day = 24 * 60;
constexpr minutes farthest_opening = std::chrono::hours(24 * 15);
constexpr minutes longest_day = std::chrono::hours(48);

std::optional<std::size_t> parse_weekday(std::string_view text) {
  const auto found = std::find(weekday_names.begin(), weekday_names.end(), text);
  if (found == weekday_names.end()) return std::nullopt;
  return static_cast<std::size_t>(found - weekday_names.begin());
}

// "Mon", "Mon-Fri", "Fri-Mon", "Sat,Sun".
std::optional<std::array<bool, 7>> parse_days(std::string_view text) {
  std::array<bool, 7> days{};
  while (true) {
    const auto comma = text.find(',');
    const std::string_view span = text.substr(0, comma);
    const auto dash = span.find('-');
    const auto first = parse_weekday(span.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_weekday(span.substr(dash + 1));
    if (!first || !last) return std::nullopt;
    for (std::size_t day = *first; days[day] = true, day != *last;) day = (day + 1) % 7;
    if (comma == std::string_view::npos) return days;
    text.remove_prefix(comma + 1);
  }
}

// "HH:MM" up to 24:00, as minutes of the day.
std::optional<int> parse_minute(std::string_view text) {
  const auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9'; };
  if (text.size() != 5 || !digit(0) || !digit(1) || text[2] != ':' || !digit(3) || !digit(4)) return std::nullopt;
  const auto number = [&](std::size_t at) { return (text[at] - '0') * 10 + text[at + 1] - '0'; };
  const int minute = number(0) * 60 + number(3);
  if (number(3) > 59 || minute > minutes_of_day) return std::nullopt;
  return minute;
}

std::size_t weekday_of(std::int64_t day) {
  return static_cast<std::size_t>(((day + 3) % 7 + 7) % 7);  // 1970-01-01 was a Thursday
}

}  // namespace

std::optional<TimeWindows::Window> TimeWindows::parse_window(const std::string& text) {
  Window window;
  window.days.fill(true);
  std::string_view hours = text;
  if (const auto space = hours.find(' '); space != std::string_view::npos) {
    const auto days = parse_days(hours.substr(0, space));
    if (!days) return std::nullopt;
    window.days = *days;
    hours.remove_prefix(space + 1);
  }
  const auto dash = hours.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto begin = parse_minute(hours.substr(0, dash));
  const auto end = parse_minute(hours.substr(dash + 1));
  if (!begin || !end || *begin == *end || *begin == minutes_of_day) return std::nullopt;
  window.begin = *begin;
  window.end = *end;
  return window;
}

Result<TimeWindows> TimeWindows::parse(const std::vector<std::string>& texts) {
  TimeWindows windows;
  if (texts.size() > limit)
    return make_error(Errc::invalid_argument,
                      "has " + std::to_string(texts.size()) + " windows; the limit is " + std::to_string(limit));
  for (const std::string& text : texts) {
    const auto window = parse_window(text);
    if (!window)
      return make_error(Errc::invalid_argument, "has '" + text +
                                                    "'; a window looks like \"01:00-04:00\", \"Mon-Fri 22:00-02:00\" "
                                                    "or \"Sat,Sun 00:00-24:00\"");
    windows.windows_.push_back(*window);
    windows.text_ += (windows.text_.empty() ? "" : ", ") + text;
  }
  return windows;
}

bool TimeWindows::is_open(const Window& window, std::size_t weekday, int minute) {
  const bool today = window.days[weekday];
  if (window.begin < window.end) return today && minute >= window.begin && minute < window.end;
  const bool yesterday = window.days[(weekday + 6) % 7];
  return (today && minute >= window.begin) || (yesterday && minute < window.end);
}

bool TimeWindows::open_at(const LocalTime& time) const {
  const std::size_t weekday = weekday_of(time.day);
  return always() || std::any_of(windows_.begin(), windows_.end(),
                                 [&](const Window& window) { return is_open(window, weekday, time.minute); });
}

// Minute by minute: whatever a time zone does on the way is seen.
std::optional<Instant> TimeWindows::next_opening(Instant now, const LocalClock& clock) const {
  const Instant from = std::chrono::floor<minutes>(now);
  for (Instant at = from + minutes(1); at <= from + farthest_opening; at += minutes(1))
    if (open_at(clock(at))) return at;
  return std::nullopt;
}

Instant next_midnight(Instant now, const LocalClock& clock) {
  const Instant from = std::chrono::floor<minutes>(now);
  const std::int64_t today = clock(now).day;
  Instant at = from + minutes(1);
  while (at < from + longest_day && clock(at).day <= today) at += minutes(1);
  return at;
}

}  // namespace argosy::agent
