// A DSSE envelope (secure-systems-lab/dsse 1.0): bytes of a declared type under one signature. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "common/crypto/signing_key.hpp"

namespace argosy::signing {

inline constexpr std::size_t max_envelope_bytes = 64 << 10;

struct Envelope {
  std::string payload_type;
  std::string payload;
  Bytes signature;
  friend bool operator==(const Envelope&, const Envelope&) = default;
};

// What is signed: DSSE's pre-authentication encoding, which binds the payload's type and length.
std::string signed_bytes(std::string_view payload_type, std::string_view payload);

Result<Envelope> seal(std::string payload_type, std::string payload, const SigningKey& key);
// Errc::signature_invalid when the key did not sign it.
Result<void> check(const Envelope& envelope, std::string_view public_key_pem);

nlohmann::json envelope_to_json(const Envelope& envelope);
// Errc::signature_malformed names what is wrong; exactly one signature.
Result<Envelope> envelope_from_json(const nlohmann::json& json);

}  // namespace argosy::signing
