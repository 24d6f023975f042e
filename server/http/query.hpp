// Values from a request's query and path, with bounds; errors name the parameter. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/http/url_coding.hpp"

namespace argosy::server {

struct Request;

Result<std::int64_t> parse_integer(std::string_view text, std::string_view name);

Result<std::int64_t> integer_query(const Request& request, std::string_view name, std::int64_t fallback,
                                   std::int64_t min, std::int64_t max);
// RFC 3339, or seconds since 1970.
Result<std::optional<Instant>> instant_query(const Request& request, std::string_view name);
struct TimeRange {
  Instant from{};
  Instant to{};  // after `from`
};
// `from` and `to`: by default so long as is usual, until now.
Result<TimeRange> range_query(const Request& request, Duration usual, std::chrono::days longest);
// A row id in the path: Errc::not_found when it is no positive number, for then nothing has it.
Result<std::int64_t> id_param(const Request& request, std::string_view name = "id");

}  // namespace argosy::server
