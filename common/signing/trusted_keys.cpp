#include "common/signing/trusted_keys.hpp"

#include "common/crypto/digest.hpp"

namespace argosy::signing {

std::string hint_of(std::string_view plain_public_key_pem) {
  return sha256(as_bytes(plain_public_key_pem)).to_hex();
}

Result<TrustedKeys> TrustedKeys::of(const std::vector<std::string>& public_key_pems) {
  if (public_key_pems.size() > max_trusted_keys)
    return make_error(Errc::invalid_argument, "there are " + std::to_string(public_key_pems.size()) +
                                                  " keys; at most " + std::to_string(max_trusted_keys) + " are read");
  TrustedKeys trusted;
  for (const std::string& pem : public_key_pems) {
    ARGOSY_TRY(std::string plain, plain_public_key(pem));
    trusted.keys_.push_back(std::move(plain));
  }
  return trusted;
}

Result<void> TrustedKeys::check(const Envelope& envelope, std::string_view hint) const {
  for (const std::string& key : keys_) {
    if (!hint.empty() && hint != hint_of(key)) continue;
    const auto checked = signing::check(envelope, key);
    if (checked || !hint.empty()) return checked;
  }
  const std::string whose =
      hint.empty() ? "it names no key" : "its key has the hint " + std::string(hint.substr(0, 64));
  return make_error(Errc::signature_key, "it was signed by none of the " + std::to_string(keys_.size()) +
                                             " keys that are trusted here; " + whose);
}

}  // namespace argosy::signing
