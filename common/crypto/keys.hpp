// Private keys and certificate signing requests as PEM text. Any thread; writing them to disk (mode 0600) is the
// caller's.
#pragma once

#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace argosy {

// A new P-256 key as unencrypted PKCS#8 PEM.
Result<std::string> make_private_key();

// The public half (SubjectPublicKeyInfo PEM) of a private key.
Result<std::string> public_key_of(std::string_view private_key_pem);

// A PKCS#10 request for `common_name` (1 to 64 bytes), signed with the key itself. A challenge (at most 255 bytes) is
// signed with it, as its challengePassword: it proves possession of the key now, not once (as RFC 7030, 3.5).
Result<std::string> make_csr(std::string_view private_key_pem, std::string_view common_name,
                             std::string_view challenge = {});

struct CsrFacts {
  std::string common_name;     // empty when the request names none
  std::string public_key_pem;  // P-256, P-384, or RSA of 2048 to 4096 bits
  std::string challenge;       // empty when there is none
};

// Checks the request's own signature and its kind of key; Errc::invalid_argument when either is not acceptable.
Result<CsrFacts> parse_csr(std::string_view csr_pem);

}  // namespace argosy
