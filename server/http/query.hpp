// Values from a request's query and path, with bounds; errors name the parameter. Percent coding. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/router.hpp"

namespace argosy::server {

Result<std::int64_t> parse_integer(std::string_view text, std::string_view name);

Result<std::int64_t> integer_query(const Request& request, std::string_view name, std::int64_t fallback,
                                   std::int64_t min, std::int64_t max);
// RFC 3339, or seconds since 1970.
Result<std::optional<Instant>> instant_query(const Request& request, std::string_view name);
// A row id in the path: Errc::not_found when it is no positive number, for then nothing has it.
Result<std::int64_t> id_param(const Request& request, std::string_view name = "id");

std::string percent_encode(std::string_view text, std::string_view also_plain = {});
// nullopt for a stray '%'. '+' means a space only in queries.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);
// "a=1&b=two"; Errc::invalid_argument when it does not decode; at most 64 parameters, of two equal names the last wins.
Result<std::map<std::string, std::string, std::less<>>> parse_query(std::string_view text);

}  // namespace argosy::server
