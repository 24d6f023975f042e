#include "server/rollouts/core/maintenance_window.hpp"

#include <algorithm>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "common/json/json_reader.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using std::chrono::days;
using std::chrono::minutes;

constexpr std::array<std::string_view, 7> day_names{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr minutes a_day{24 * 60};
constexpr minutes shortest{15};
constexpr std::size_t most_zone_bytes = 64;

std::string clock_text(minutes after_midnight) {
  const auto two = [](std::int64_t number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  return two(after_midnight.count() / 60) + ":" + two(after_midnight.count() % 60);
}

// "22:00"; "24:00" as well.
std::optional<minutes> clock_of(const std::string& text) {
  const auto digit = [&text](std::size_t at) { return text[at] >= '0' && text[at] <= '9'; };
  if (text.size() != 5 || !digit(0) || !digit(1) || text[2] != ':' || !digit(3) || !digit(4)) return std::nullopt;
  const minutes time{((text[0] - '0') * 10 + text[1] - '0') * 60 + (text[3] - '0') * 10 + text[4] - '0'};
  if (text[3] > '5' || time > a_day) return std::nullopt;
  return time;
}

void read_days(JsonReader& in, Maintenance& maintenance) {
  std::vector<std::string> names;
  in.optional("days", names);
  if (!in.has("days")) return;
  in.check("days", !names.empty(), "names no day: leave it out for all");
  maintenance.days.fill(false);
  for (const auto& name : names) {
    const auto day = std::find(day_names.begin(), day_names.end(), name);
    in.check("days", day != day_names.end(), "\"" + shortened(name) + "\" is none of mon tue wed thu fri sat sun");
    if (day != day_names.end()) maintenance.days[static_cast<std::size_t>(day - day_names.begin())] = true;
  }
}

minutes read_clock(JsonReader& in, std::string_view key, minutes limit) {
  std::string text;
  in.required(key, text);
  const auto time = clock_of(text);
  in.check(key, time && *time <= limit, "must be a time of day such as 22:00");
  return time.value_or(minutes{0});
}

bool begins_on(const Maintenance& maintenance, std::chrono::local_days day) {
  return maintenance.days[std::chrono::weekday{day}.iso_encoding() - 1];
}

std::int64_t windows_a_week(const Maintenance& maintenance) {
  return std::count(maintenance.days.begin(), maintenance.days.end(), true);
}

}  // namespace

void read_maintenance(JsonReader& in, std::optional<Maintenance>& maintenance) {
  Maintenance read;
  read_days(in, read);
  read.from = read_clock(in, "from", a_day - minutes{1});
  const auto to = read_clock(in, "to", a_day);
  read.length = to > read.from ? to - read.from : to - read.from + a_day;
  in.check("to", to != read.from, "is the same as from: a window of a whole day is from 00:00 to 24:00")
      .check("to", read.length >= shortest, "is less than 15 minutes after from")
      .optional_text("time_zone", most_zone_bytes, read.time_zone)
      .check("time_zone", !read.time_zone.empty(), "must be device, or a name such as Europe/Berlin");
  maintenance = std::move(read);
}

json encode(const Maintenance& maintenance) {
  json names = json::array();
  for (std::size_t day = 0; day < day_names.size(); ++day)
    if (maintenance.days[day]) names.push_back(day_names[day]);
  const auto end = maintenance.from + maintenance.length;
  return {{"days", names},
          {"from", clock_text(maintenance.from)},
          {"to", clock_text(end > a_day ? end - a_day : end)},
          {"time_zone", maintenance.time_zone}};
}

bool is_inside(const Maintenance& maintenance, WallTime wall) {
  const auto today = std::chrono::floor<days>(wall);
  for (const auto day : {today - days{1}, today}) {
    const auto opens = day + maintenance.from;
    if (begins_on(maintenance, day) && opens <= wall && wall < opens + maintenance.length) return true;
  }
  return false;
}

WallTime next_opening(const Maintenance& maintenance, WallTime wall) {
  if (is_inside(maintenance, wall)) return wall;
  auto day = std::chrono::floor<days>(wall);
  while (!begins_on(maintenance, day) || day + maintenance.from < wall) day += days{1};
  return day + maintenance.from;
}

WallTime open_since(const Maintenance& maintenance, WallTime wall, Duration open_for) {
  const Duration weekly = maintenance.length * windows_a_week(maintenance);
  const auto whole_weeks = open_for / weekly;
  Duration left = open_for - whole_weeks * weekly;
  const WallTime from = wall - whole_weeks * days{7};
  if (left.count() == 0) return from;
  for (auto day = std::chrono::floor<days>(from);; day -= days{1}) {
    if (!begins_on(maintenance, day)) continue;
    const WallTime opens = day + maintenance.from;
    const WallTime ends = std::min<WallTime>(from, opens + maintenance.length);
    if (ends <= opens) continue;
    if (ends - opens >= left) return ends - left;
    left -= ends - opens;
  }
}

}  // namespace argosy::server
