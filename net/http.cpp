#include "net/http.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <ctime>

namespace argosy::net {

namespace {

// "Mon, 23 Nov 2026 04:00:00 GMT"
std::optional<std::int64_t> seconds_of_date(const std::string& text) {
  std::tm date{};
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return ::timegm(&date);
}

}  // namespace

std::optional<std::string> HttpHead::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Duration> HttpHead::retry_after() const {
  const auto text = header("retry-after");
  if (!text) return std::nullopt;
  std::int64_t seconds = 0;
  const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (failed != std::errc{} || end != text->data() + text->size()) {
    const auto then = seconds_of_date(*text);
    const auto sent = seconds_of_date(header("date").value_or(""));
    if (!then || !sent) return std::nullopt;
    seconds = *then - *sent;
  }
  return Duration{std::clamp<std::int64_t>(seconds, 0, 86400) * 1000};
}

}  // namespace argosy::net
