// Which keys a publisher signs with from now on, said under a key that was good until now. A chain of such sets leads a
// device from the keys it was given to those of today. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/signing/trusted_keys.hpp"

namespace argosy::signing {

struct KeySet {
  std::uint64_t number = 0;       // grows; the keys that a device was given are number 0
  std::vector<std::string> keys;  // public keys (PEM); they take the place of all that were trusted
  friend bool operator==(const KeySet&, const KeySet&) = default;
};

// A DSSE envelope as JSON text, signed by a key of the set before.
Result<std::string> make_key_set(const KeySet& set, const SigningKey& by);

struct Trust {
  std::uint64_t number = 0;
  TrustedKeys keys;
};

// Goes on from `trust` through the sets of higher numbers, in their order; lower ones are passed over.
// Errc::signature_* at the first that the keys before it did not sign.
Result<Trust> follow(Trust trust, const std::vector<std::string>& key_sets);
// Whether the text is a key set; says nothing of who signed it.
Result<KeySet> read_key_set(std::string_view text);

}  // namespace argosy::signing
