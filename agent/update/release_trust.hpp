// Whose releases this device takes up: the publishers' keys, and the highest sequence that was taken up of one model,
// which outlives restarts. Blocking; on the job thread.
#pragma once

#include <filesystem>
#include <utility>

#include "common/signing/release_signature.hpp"

namespace argosy::agent {

struct TrustPolicy {
  signing::TrustedKeys keys;
  bool required = false;  // an unsigned release is refused; a wrong signature always is, once there are keys
  signing::DeviceKind device = {};
};

// The public keys in these PEM files; the error names the file that is wrong.
Result<TrustPolicy> load_policy(const std::vector<std::string>& key_files, bool required, signing::DeviceKind device);

class ReleaseTrust {
 public:
  // `seen` is the model's own file; `keys`, one for all models of the device, holds the key sets that were followed.
  ReleaseTrust(TrustPolicy policy, std::filesystem::path seen, std::filesystem::path keys)
      : policy_(std::move(policy)), seen_(std::move(seen)), keys_(std::move(keys)) {}

  // What the device has found out of itself since.
  void know(wire::Capabilities capabilities) { policy_.device.capabilities = std::move(capabilities); }
  // Whether this release may be taken up; then its sequence is kept before this returns. Errc::signature_* says why
  // not.
  Result<void> admit(const wire::DesiredModel& wish, Instant now) const;

 private:
  TrustPolicy policy_;
  // The keys of today: the pinned ones, led on by the key sets that are kept and by those that came with the wish.
  Result<signing::TrustedKeys> present_keys(const std::vector<std::string>& key_sets) const;

  std::filesystem::path seen_;
  std::filesystem::path keys_;
};

// A missing file is nothing seen; one that cannot be read is Errc::signature_sequence.
Result<signing::Seen> load_seen(const std::filesystem::path& file);
Result<void> save_seen(const std::filesystem::path& file, const signing::Seen& seen);

}  // namespace argosy::agent
