// Secrets that must be read again (a password for a mail server) and lie where others may look: sealed by a key that
// lies elsewhere, AES-256-GCM with a fresh nonce each time. Any thread; the keys are the caller's to keep.
#pragma once

#include <string>
#include <string_view>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"

namespace argosy {

inline constexpr std::size_t sealing_key_bytes = 32;

// `context` is what the secret belongs to: sealed for one thing, it does not open as another's. Not secret, not kept.
Result<Bytes> seal(ByteView key, std::string_view secret, std::string_view context);
// Errc::corrupt when it was touched, sealed by another key, or for another context.
Result<std::string> unseal(ByteView key, ByteView sealed, std::string_view context);

}  // namespace argosy
