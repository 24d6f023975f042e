#include "common/signing/release_signature.hpp"

#include <algorithm>

namespace argosy::signing {

namespace {

// What variants share is one file.
void add_part(Manifest& manifest, Resource resource) {
  if (std::find(manifest.resources.begin(), manifest.resources.end(), resource) == manifest.resources.end())
    manifest.resources.push_back(std::move(resource));
}

bool is_resource(const SignedRelease& release, std::string_view name, std::string_view digest) {
  const Resource* resource = release.bundle.manifest.find(name);
  return resource != nullptr && resource->digest.to_hex() == digest;
}

bool covers_part(const SignedRelease& release, const ReleaseFile& file, const wire::Part& part) {
  return std::any_of(file.parts.begin(), file.parts.end(), [&](const ReleasePart& said) {
    return said.name == part.name && said.size == part.blob.size && is_resource(release, said.file, part.blob.digest);
  });
}

// None is missing, and none has come to it: names differ on both sides.
bool covers_parts(const SignedRelease& release, const ReleaseFile& file, const std::vector<wire::Part>& parts) {
  return file.parts.size() == parts.size() && std::all_of(parts.begin(), parts.end(), [&](const wire::Part& part) {
           return covers_part(release, file, part);
         });
}

}  // namespace

Result<wire::ReleaseSignature> sign_release(ReleaseStatement statement, const std::vector<SignedFile>& files,
                                            const SigningKey& key) {
  Manifest manifest;
  manifest.subject = statement.model + "-" + statement.version;
  statement.files.clear();
  for (const SignedFile& signed_file : files) {
    statement.files.push_back(signed_file.file);
    manifest.resources.push_back({signed_file.file.name, signed_file.digest});
    for (std::size_t i = 0; i < signed_file.file.parts.size(); ++i)
      add_part(manifest, {signed_file.file.parts[i].file, signed_file.part_digests.at(i)});
  }
  wire::ReleaseSignature signature;
  signature.statement = encode(statement);
  ARGOSY_CHECK(decode_statement(signature.statement));
  manifest.resources.push_back({std::string(statement_name), sha256(as_bytes(signature.statement))});
  ARGOSY_TRY(signature.bundle, make_bundle(std::move(manifest), key));
  return signature;
}

Result<SignedRelease> read_signature(const wire::ReleaseSignature& signature) {
  ARGOSY_TRY(Bundle bundle, read_bundle(signature.bundle));
  const Resource* held = bundle.manifest.find(statement_name);
  if (held == nullptr)
    return make_error(Errc::signature_malformed, "the bundle is not over " + std::string(statement_name) +
                                                     "; sign it together with the model's files");
  if (held->digest != sha256(as_bytes(signature.statement)))
    return make_error(Errc::signature_digest, std::string(statement_name) + " is not the one that was signed");
  ARGOSY_TRY(ReleaseStatement statement, decode_statement(signature.statement));
  return SignedRelease{std::move(statement), std::move(bundle)};
}

Result<void> check_is_of(const SignedRelease& release, std::string_view model, std::string_view version) {
  const ReleaseStatement& said = release.statement;
  if (said.model == model && said.version == version) return {};
  return make_error(Errc::signature_release, "the signature is of " + said.model + "@" + said.version + ", not of " +
                                                 std::string(model) + "@" + std::string(version));
}

Result<ReleaseFile> covered_file(const SignedRelease& release, const wire::BlobRef& artifact, std::string_view format,
                                 const std::vector<wire::Part>& parts) {
  bool is_known = false;
  for (const ReleaseFile& file : release.statement.files) {
    const bool is_it =
        file.size == artifact.size && file.format == format && is_resource(release, file.name, artifact.digest);
    if (is_it && covers_parts(release, file, parts)) return file;
    is_known = is_known || is_it;
  }
  if (is_known)
    return make_error(Errc::signature_digest, "the signature is not of the files that come beside " + artifact.digest +
                                                  ": each that was signed must come, and no other");
  return make_error(Errc::signature_digest, "the signature is not of the file " + artifact.digest + " (" +
                                                std::string(format) + ", " + std::to_string(artifact.size) + " bytes)");
}

Result<void> check_validation(const SignedRelease& release, const wire::ValidationSpec& validation) {
  if (!release.statement.validation || *release.statement.validation == validation) return {};
  return make_error(Errc::signature_validation,
                    "the data set, the metric or a limit of the validation is not the one "
                    "that was signed; sign what is published");
}

Result<ReleaseStatement> check_wish(const wire::DesiredModel& wish, const TrustedKeys& keys, const DeviceKind& device,
                                    Instant now) {
  if (!wish.signature)
    return make_error(Errc::signature_missing, wish.model + "@" + wish.version +
                                                   " is not signed, and this device takes "
                                                   "signed releases only; publish it with a signature");
  ARGOSY_TRY(SignedRelease release, read_signature(*wish.signature));
  ARGOSY_CHECK(keys.check(release.bundle.envelope, release.bundle.key_hint));
  ARGOSY_CHECK(check_is_of(release, wish.model, wish.version));
  ARGOSY_TRY(const ReleaseFile file, covered_file(release, wish.artifact, wish.format, wire::parts_of(wish.parts)));
  ARGOSY_CHECK(check_validation(release, wish.validation));
  const wire::Selector asked = wire::as_far_as_told(file.selector, device.capabilities);
  if (const auto reason = wire::mismatch(asked, device.capabilities, device.hardware_class); !reason.empty())
    return make_error(Errc::signature_selector, file.name + " was signed for other devices: it " + reason);
  const auto& expires_at = release.statement.expires_at;
  if (expires_at && now >= *expires_at)
    return make_error(Errc::signature_expired, "the signature held until " + to_rfc3339(*expires_at) + ", and it is " +
                                                   to_rfc3339(now) + " here; sign the release again");
  return std::move(release.statement);
}

Result<void> check_sequence(const ReleaseStatement& statement, const Seen& seen) {
  const bool newer = statement.sequence > seen.sequence;
  const bool same = statement.sequence == seen.sequence && (seen.version.empty() || statement.version == seen.version);
  if (newer || same || statement.allow_downgrade_from.value_or(0) >= std::max<std::uint64_t>(seen.sequence, 1))
    return {};
  return make_error(Errc::signature_sequence, statement.version + " has the sequence " +
                                                  std::to_string(statement.sequence) + ", and this device has seen " +
                                                  std::to_string(seen.sequence) + " (" + seen.version +
                                                  "); sign it with --allow-downgrade-from " +
                                                  std::to_string(seen.sequence) + " if going back is meant");
}

Seen after(const Seen& seen, const ReleaseStatement& statement) {
  if (statement.sequence <= seen.sequence && !seen.version.empty()) return seen;
  return {statement.sequence, statement.version};
}

}  // namespace argosy::signing
