#include "common/base/instant.hpp"

#include <array>
#include <cstdio>

#include "common/base/text.hpp"

namespace argosy {

std::string to_rfc3339(Instant at) {
  using namespace std::chrono;
  const auto day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss time{at - day};
  std::array<char, 40> text{};
  const int size =
      std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", int(date.year()),
                    unsigned(date.month()), unsigned(date.day()), int(time.hours().count()),
                    int(time.minutes().count()), int(time.seconds().count()), int(time.subseconds().count()));
  return std::string(text.data(), static_cast<std::size_t>(size));
}

namespace {

// Reads exactly `width` digits at `text`, which then starts behind them; -1 when there are none.
int take_digits(std::string_view& text, std::size_t width) {
  if (text.size() < width) return -1;
  int value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(width);
  return value;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

// Any number of digits, of which the first three count; -1 when there are none.
int take_milliseconds(std::string_view& text) {
  if (text.empty() || text.front() < '0' || text.front() > '9') return -1;
  int value = 0;
  int scale = 100;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    value += (text.front() - '0') * scale;
    scale /= 10;
    text.remove_prefix(1);
  }
  return value;
}

}  // namespace

Result<Instant> parse_rfc3339(std::string_view whole) {
  using namespace std::chrono;
  const auto bad = [&] {
    return make_error(Errc::invalid_argument,
                      "\"" + shortened(whole) + "\" is not a time from 1970 to 9999; write it as 2026-01-31T09:30:00Z");
  };
  std::string_view text = whole;
  const int y = take_digits(text, 4);
  if (!take(text, '-')) return bad();
  const int mo = take_digits(text, 2);
  if (!take(text, '-')) return bad();
  const int d = take_digits(text, 2);
  if (!take(text, 'T') && !take(text, 't')) return bad();
  const int h = take_digits(text, 2);
  if (!take(text, ':')) return bad();
  const int mi = take_digits(text, 2);
  if (!take(text, ':')) return bad();
  const int s = take_digits(text, 2);
  const int ms = take(text, '.') ? take_milliseconds(text) : 0;
  minutes offset{0};
  if (!take(text, 'Z') && !take(text, 'z')) {
    const int sign = take(text, '+') ? 1 : take(text, '-') ? -1 : 0;
    const int oh = take_digits(text, 2);
    if (sign == 0 || oh < 0 || !take(text, ':')) return bad();
    const int om = take_digits(text, 2);
    if (om < 0 || oh > 23 || om > 59) return bad();
    offset = minutes{sign * (oh * 60 + om)};
  }
  const year_month_day date{year{y}, month{static_cast<unsigned>(mo)}, day{static_cast<unsigned>(d)}};
  if (!text.empty() || y < 0 || mo < 0 || d < 0 || !date.ok() || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 ||
      s > 60 || ms < 0)
    return bad();
  const Instant at{sys_days{date} + hours{h} + minutes{mi} + seconds{s} + milliseconds{ms} - offset};
  if (!is_storable(at)) return bad();
  return at;
}

}  // namespace argosy
