// A publisher's key: P-256, signing with ECDSA over SHA-256. All PEM text; any thread. A private key may be encrypted
// under a passphrase; an empty passphrase stands for none.
#pragma once

#include <string>
#include <string_view>

#include "common/base/encoding.hpp"

namespace argosy {

constexpr std::size_t max_passphrase_bytes = 1024;

// PKCS#8 PEM, encrypted with AES-256 when there is a passphrase.
Result<std::string> make_signing_key(std::string_view passphrase);

struct SigningKey {
  std::string private_key_pem;
  std::string passphrase;
};

// The public half as this library writes it. Errc::invalid_argument for another curve or a wrong passphrase.
Result<std::string> public_half(const SigningKey& key);

// The same public key in one spelling (SubjectPublicKeyInfo PEM), so that its digest can name it.
Result<std::string> plain_public_key(std::string_view public_key_pem);

// DER, as ECDSA-Sig-Value.
Result<Bytes> sign_message(const SigningKey& key, std::string_view message);

// Errc::signature_invalid when the key did not sign this message.
Result<void> check_message(std::string_view public_key_pem, std::string_view message, ByteView signature);

}  // namespace argosy
