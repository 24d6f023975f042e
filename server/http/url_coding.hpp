// Percent coding, and what a request's target says. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace argosy::server {

std::string percent_encode(std::string_view text, std::string_view also_plain = {});
// nullopt for a stray '%'. '+' means a space only in queries.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

using Query = std::map<std::string, std::string, std::less<>>;
// "a=1&b=two"; Errc::invalid_argument when it does not decode to UTF-8 text without NUL; at most 64 parameters, of two
// equal names the last wins.
Result<Query> parse_query(std::string_view text);

struct Target {
  std::string path;  // UTF-8 without control characters, beginning with a slash
  Query query;
};
// "/path?query", or the same behind "http://host".
Result<Target> parse_target(std::string_view text);

}  // namespace argosy::server
