// A signature over files in the form of OpenSSF Model Signing 1.0, method key: a Sigstore bundle 0.3 around a DSSE
// envelope around an in-toto Statement 1, whose predicate lists each file's SHA-256. Read with bounds. Pure; any
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/crypto/digest.hpp"
#include "common/signing/trusted_keys.hpp"

namespace argosy::signing {

inline constexpr std::size_t max_resources = 256;
inline constexpr std::size_t max_resource_name_bytes = 512;

struct Resource {
  std::string name;  // a path relative to the model's folder
  Digest digest;
  friend bool operator==(const Resource&, const Resource&) = default;
};

struct Manifest {
  std::string subject;              // the model's folder, by name
  std::vector<Resource> resources;  // by name, each name once
  const Resource* find(std::string_view name) const;
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

// As read, and not yet believed: ask trusted keys to check the envelope.
struct Bundle {
  Envelope envelope;
  std::string key_hint;  // of the key that is said to have signed; may be empty
  Manifest manifest;
};

// Sorts the resources. Errc::invalid_argument when a name stands there twice or is no relative path.
Result<std::string> make_bundle(Manifest manifest, const SigningKey& key);

// Errc::signature_malformed says what is not of the form, or what it does not agree with itself in.
Result<Bundle> read_bundle(std::string_view text);

}  // namespace argosy::signing
