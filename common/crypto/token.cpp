#include "common/crypto/token.hpp"

#include <openssl/crypto.h>

#include "common/base/random.hpp"

namespace argosy {

std::string random_token() {
  return to_base64url(secure_random(32));
}

bool equal_in_constant_time(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

}  // namespace argosy
