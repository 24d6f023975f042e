#include "server/http/query.hpp"

#include <charconv>

#include "common/base/text.hpp"
#include "server/http/request.hpp"

namespace argosy::server {

Result<std::int64_t> parse_integer(std::string_view text, std::string_view name) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return make_error(Errc::invalid_argument, std::string(name) + ": '" + shortened(text) + "' is not a whole number");
  }
  return value;
}

Result<std::int64_t> integer_query(const Request& request, std::string_view name, std::int64_t fallback,
                                   std::int64_t min, std::int64_t max) {
  const auto text = request.query_value(name);
  if (!text) return fallback;
  ARGOSY_TRY(const std::int64_t value, parse_integer(*text, name));
  if (value < min || value > max) {
    return make_error(Errc::invalid_argument, std::string(name) + " must be from " + std::to_string(min) + " to " +
                                                  std::to_string(max) + ", not " + std::to_string(value));
  }
  return value;
}

Result<std::optional<Instant>> instant_query(const Request& request, std::string_view name) {
  const auto text = request.query_value(name);
  if (!text || text->empty()) return std::optional<Instant>{};
  if (text->find_first_not_of("0123456789") == std::string_view::npos && text->size() <= 11) {
    ARGOSY_TRY(const std::int64_t seconds, parse_integer(*text, name));
    return std::optional<Instant>{instant_from_ms(seconds * 1000)};
  }
  auto at = parse_rfc3339(*text);
  if (!at) return std::move(at).error().within(name);
  return std::optional<Instant>{*at};
}

Result<TimeRange> range_query(const Request& request, Duration usual, std::chrono::days longest) {
  TimeRange range;
  ARGOSY_TRY(const auto to, instant_query(request, "to"));
  range.to = to.value_or(request.now);
  ARGOSY_TRY(const auto from, instant_query(request, "from"));
  range.from = from.value_or(range.to - usual);
  const std::string begin = "\"from\" (" + to_rfc3339(range.from) + ")", end = "\"to\" (" + to_rfc3339(range.to) + ")";
  if (range.from >= range.to) return make_error(Errc::invalid_argument, begin + " must be before " + end);
  if (range.to - range.from > longest)
    return make_error(Errc::invalid_argument, begin + " is over " + std::to_string(longest.count()) + " days before " +
                                                  end + "; ask for a shorter time");
  return range;
}

Result<std::int64_t> id_param(const Request& request, std::string_view name) {
  auto id = parse_integer(request.param(name), name);
  if (!id || *id < 1) {
    return make_error(Errc::not_found, "'" + shortened(request.param(name)) + "' is not an id");
  }
  return id;
}

}  // namespace argosy::server
