// The public keys that a device takes releases from, each named by the SHA-256 of its PEM text. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/signing/envelope.hpp"

namespace argosy::signing {

inline constexpr std::size_t max_trusted_keys = 16;

// The hint that OpenSSF Model Signing puts into a bundle: SHA-256, in hex, of the key's SubjectPublicKeyInfo PEM.
std::string hint_of(std::string_view plain_public_key_pem);

class TrustedKeys {
 public:
  // Errc::invalid_argument names the key that is none, or when there are too many.
  static Result<TrustedKeys> of(const std::vector<std::string>& public_key_pems);

  bool empty() const { return keys_.empty(); }
  const std::vector<std::string>& pems() const { return keys_; }
  // Errc::signature_key when no key is the hinted one, Errc::signature_invalid when the right one did not sign this.
  // An empty hint is tried with every key.
  Result<void> check(const Envelope& envelope, std::string_view hint) const;

 private:
  std::vector<std::string> keys_;  // each in its one spelling
};

}  // namespace argosy::signing
