// Secrets that people and devices carry: claim tokens, session cookies, API tokens. Store their SHA-256, never the
// token.
#pragma once

#include <string>
#include <string_view>

#include "common/base/encoding.hpp"

namespace argosy {

// 32 bytes from the operating system as 43 characters of base64url.
std::string random_token();

// Whether both are the same, in a time that tells nothing but their lengths.
bool equal_in_constant_time(ByteView a, ByteView b);
inline bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return equal_in_constant_time(as_bytes(a), as_bytes(b));
}

}  // namespace argosy
