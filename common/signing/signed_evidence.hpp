// The evidence of a rollout as a file that is checked without a server: the document's exact text under one signature,
// with the key's public half beside it. Signed are the bytes of a DSSE envelope (envelope.hpp). Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "common/signing/trusted_keys.hpp"

namespace argosy::signing {

inline constexpr std::size_t max_evidence_file_bytes = 60 << 20;

// The file: {"type", "evidence": the text, "signature": {"algorithm", "key": {"sha256", "pem"}, "value"}}.
// Errc::too_large over max_evidence_file_bytes.
Result<std::string> sign_evidence(std::string evidence, const SigningKey& key);

struct SignedEvidence {
  Envelope envelope;
  std::string key_hint;  // SHA-256 of the key that the file names
  std::string key_pem;   // as the file has it: says who signed only to those who know this key
};

// Errc::signature_malformed for what is cut off or of another form. Says nothing of who signed.
Result<SignedEvidence> read_evidence(std::string_view file);
// By one of the keys; without any, by the key that the file itself names. Errc::signature_invalid when a byte was
// changed, Errc::signature_key for another key.
Result<void> check_evidence(const SignedEvidence& file, const TrustedKeys& keys);

}  // namespace argosy::signing
