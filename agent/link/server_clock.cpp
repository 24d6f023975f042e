#include "agent/link/server_clock.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace argosy::agent {

namespace {

constexpr std::array<std::string_view, 12> month_names = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::string_view form = "Www, dd Mmm yyyy hh:mm:ss GMT";

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  int number = 0;
  const char* const begin = text.data() + at;
  const auto [end, error] = std::from_chars(begin, begin + count, number);
  if (error != std::errc() || end != begin + count || number < 0) return std::nullopt;
  return number;
}

}  // namespace

std::optional<Instant> parse_http_date(std::string_view text) {
  if (text.size() != form.size() || !text.ends_with(" GMT") || text[3] != ',') return std::nullopt;
  const auto month = std::find(month_names.begin(), month_names.end(), text.substr(8, 3));
  const auto day = digits(text, 5, 2), year = digits(text, 12, 4);
  const auto hours = digits(text, 17, 2), minutes = digits(text, 20, 2), seconds = digits(text, 23, 2);
  if (month == month_names.end() || !day || !year || !hours || !minutes || !seconds) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(month - month_names.begin()) + 1},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok() || *hours > 23 || *minutes > 59 || *seconds > 60) return std::nullopt;
  return Instant{std::chrono::sys_days{date}} + std::chrono::hours{*hours} + std::chrono::minutes{*minutes} +
         std::chrono::seconds{*seconds};
}

// The server wrote its answer some time between `sent` and `received`, and some time in the second that it names.
void ServerClock::heard(std::string_view date, Instant sent, Instant received) {
  const auto named = parse_http_date(date);
  if (!named || received < sent || received - sent > longest_exchange) return;
  newest_ = Reading{sent + (received - sent) / 2 - (*named + Duration{500}), received};
}

std::optional<Duration> ServerClock::offset(Instant now) const {
  if (!newest_ || now < newest_->at || now - newest_->at > good_for) return std::nullopt;
  return newest_->offset;
}

}  // namespace argosy::agent
