// The one way in for JSON that somebody else wrote, and the way out. Pure.
//
// Parsing takes no stack for nesting, and stops at the first byte that is over a limit: size, depth, number of values.
// Refused as well: a key that comes twice, a NUL in a text or key (PostgreSQL holds none), bytes that are not UTF-8,
// and numbers that no double holds (1e400).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "common/base/error.hpp"

namespace argosy {

struct JsonLimits {
  std::size_t bytes = 1 << 20;
  std::size_t depth = 32;        // whoever copies or writes the document recurses so deep
  std::size_t values = 1 << 19;  // keys included; each costs some hundred bytes of memory at most
};

// Errc::too_large over the size; else Errc::malformed_json, which says where and why, and quotes nothing at length.
Result<nlohmann::json> parse_json(std::string_view text, const JsonLimits& limits = {});

// For text that this program wrote itself, such as a column of jsonb: as large as it may become.
inline constexpr JsonLimits stored_json{.bytes = 64 << 20, .depth = 64, .values = 4 << 20};
// Such text for being shown; null where it is damaged.
nlohmann::json json_or_null(std::string_view stored);

// On one line; bytes that are not UTF-8 become U+FFFD.
std::string write_json(const nlohmann::json& document);

}  // namespace argosy
