// A release's signature as a whole: the statement and the bundle that holds it. Each refusal is an Errc::signature_* of
// its own. Pure; any thread.
#pragma once

#include <vector>

#include "common/signing/model_bundle.hpp"
#include "common/signing/release_statement.hpp"
#include "common/wire/desired.hpp"

namespace argosy::signing {

struct SignedFile {
  ReleaseFile file;
  Digest digest;
  std::vector<Digest> part_digests = {};  // of file.parts, in their order
};

// Fills in `statement.files` from `files`. `subject` names the release for other verifiers.
Result<wire::ReleaseSignature> sign_release(ReleaseStatement statement, const std::vector<SignedFile>& files,
                                            const SigningKey& key);

struct SignedRelease {
  ReleaseStatement statement;
  Bundle bundle;
};

// Whether both parts are of their forms and the bundle is over this statement. Says nothing of who signed.
Result<SignedRelease> read_signature(const wire::ReleaseSignature& signature);

// Whether the signature is of this release (signature_release), of this file with these parts beside it
// (signature_digest), and lets it be validated so (signature_validation).
Result<void> check_is_of(const SignedRelease& release, std::string_view model, std::string_view version);
Result<ReleaseFile> covered_file(const SignedRelease& release, const wire::BlobRef& artifact, std::string_view format,
                                 const std::vector<wire::Part>& parts);
Result<void> check_validation(const SignedRelease& release, const wire::ValidationSpec& validation);

// What a device says of itself.
struct DeviceKind {
  wire::Capabilities capabilities;
  std::string hardware_class;
};

// All that a device asks but the sequence: read, signed by one who is trusted, of this wish, for this kind of device,
// not expired.
Result<ReleaseStatement> check_wish(const wire::DesiredModel& wish, const TrustedKeys& keys, const DeviceKind& device,
                                    Instant now);

// What was taken up last, of a model.
struct Seen {
  std::uint64_t sequence = 0;
  std::string version;
  friend bool operator==(const Seen&, const Seen&) = default;
};

// Errc::signature_sequence for an older release, unless its publisher allows it to those who saw this one.
Result<void> check_sequence(const ReleaseStatement& statement, const Seen& seen);
// The highest stays, through every permitted way back.
Seen after(const Seen& seen, const ReleaseStatement& statement);

}  // namespace argosy::signing
