// The Range header (RFC 9110, section 14) over content of a known size. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/base/error.hpp"

namespace argosy::server {

struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t size = 0;
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// nullopt: send everything, because the header is absent, of another unit, malformed or names several ranges, all of
// which RFC 9110 lets a server ignore. Errc::range_not_satisfiable when the one range lies outside of the content.
Result<std::optional<ByteRange>> parse_range(std::string_view header, std::uint64_t content_size);

// Whether a list of entity tags ("W/\"a\", \"b\"" or "*") names `etag` (without quotes), as If-None-Match compares.
bool etag_matches(std::string_view header, std::string_view etag);

}  // namespace argosy::server
