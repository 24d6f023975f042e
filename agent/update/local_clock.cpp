#include "agent/update/local_clock.hpp"

#include <ctime>

namespace argosy::agent {

namespace {

LocalTime local_time(Instant at) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  std::tm shown{};
  if (::localtime_r(&seconds, &shown) == nullptr) return {};
  const std::chrono::year_month_day date{std::chrono::year(shown.tm_year + 1900),
                                         std::chrono::month(static_cast<unsigned>(shown.tm_mon + 1)),
                                         std::chrono::day(static_cast<unsigned>(shown.tm_mday))};
  return {std::chrono::sys_days(date).time_since_epoch().count(), shown.tm_hour * 60 + shown.tm_min};
}

}  // namespace

LocalClock system_clock_on_the_wall() {
  ::tzset();
  return local_time;
}

}  // namespace argosy::agent
