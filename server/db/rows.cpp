#include "server/db/rows.hpp"

#include <chrono>
#include <string_view>
#include <tuple>
#include <utility>

namespace argosy::server {

namespace {

// "2026-01-31 09:30:00.250125+00", as PostgreSQL writes a timestamptz.
class TimeText {
 public:
  explicit TimeText(std::string_view text) : whole_(text), rest_(text) {}

  Instant read() {
    using namespace std::chrono;
    const int y = number(4, '-');
    const int mo = number(2, '-');
    const int d = number(2, ' ');
    const int h = number(2, ':');
    const int mi = number(2, ':');
    const int s = number(2);
    const year_month_day date{year{y}, month{static_cast<unsigned>(mo)}, day{static_cast<unsigned>(d)}};
    const auto second = sys_days{date} + hours{h} + minutes{mi} + seconds{s};
    const microseconds fine{fraction()};
    const auto at = second.time_since_epoch() - offset() + fine;
    if (!rest_.empty()) refuse();
    const microseconds half{at < microseconds{0} ? -500 : 500};
    return Instant{duration_cast<Duration>(at + half)};
  }

 private:
  [[noreturn]] void refuse() const {
    throw pqxx::conversion_error("\"" + std::string(whole_) + "\" is not a time in the date style ISO");
  }

  bool take(char expected) {
    if (rest_.empty() || rest_.front() != expected) return false;
    rest_.remove_prefix(1);
    return true;
  }

  int digit() {
    if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') return -1;
    const int value = rest_.front() - '0';
    rest_.remove_prefix(1);
    return value;
  }

  int number(int digits, char behind = '\0') {
    int value = 0;
    for (int i = 0; i < digits; ++i) {
      const int next = digit();
      if (next < 0) refuse();
      value = value * 10 + next;
    }
    if (behind != '\0' && !take(behind)) refuse();
    return value;
  }

  int fraction() {  // in microseconds
    if (!take('.')) return 0;
    int value = 0;
    int scale = 100'000;
    for (int next = digit(); next >= 0; next = digit(), scale /= 10) value += next * scale;
    return value;
  }

  std::chrono::seconds offset() {
    const int sign = take('+') ? 1 : take('-') ? -1 : 0;
    if (sign == 0) refuse();
    int seconds = number(2) * 3600;
    if (take(':')) seconds += number(2) * 60;
    if (take(':')) seconds += number(2);
    return std::chrono::seconds{sign * seconds};
  }

  std::string_view whole_;
  std::string_view rest_;
};

}  // namespace

namespace detail {

void append_element(std::string& array, std::string_view text) {
  if (array.size() > 1) array += ',';
  array += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') array += '\\';
    array += c;
  }
  array += '"';
}

void append_element(std::string& array, std::int64_t number) {
  if (array.size() > 1) array += ',';
  array += std::to_string(number);
}

}  // namespace detail

std::vector<std::string> texts_of(const pqxx::field& field) {
  std::vector<std::string> texts;
  if (field.is_null()) return texts;
  auto parser = field.as_array();
  for (auto [found, text] = parser.get_next(); found != pqxx::array_parser::done;
       std::tie(found, text) = parser.get_next()) {
    if (found == pqxx::array_parser::string_value) texts.push_back(std::move(text));
  }
  return texts;
}

}  // namespace argosy::server

void pqxx::string_traits<argosy::Instant>::from_string(const char text[], argosy::Instant& at) {
  at = argosy::server::TimeText(text).read();
}
