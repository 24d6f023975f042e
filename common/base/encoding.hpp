// Bytes and their text forms.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace argosy {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string to_hex(ByteView bytes);
Result<Bytes> from_hex(std::string_view text);
// RFC 4648 section 4, padded, each value with one spelling only.
std::string to_base64(ByteView bytes);
Result<Bytes> from_base64(std::string_view text);
// RFC 4648 section 5, without padding: safe in URLs, file names and cookies.
std::string to_base64url(ByteView bytes);
Result<Bytes> from_base64url(std::string_view text);

}  // namespace argosy
