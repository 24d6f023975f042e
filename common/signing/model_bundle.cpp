#include "common/signing/model_bundle.hpp"

#include <algorithm>

#include "common/base/text.hpp"
#include "common/json/json_look.hpp"
#include "common/json/json_text.hpp"
#include "common/wire/desired.hpp"

namespace argosy::signing {

namespace {

using Json = nlohmann::json;

constexpr std::string_view media_type = "application/vnd.dev.sigstore.bundle.v0.3+json";
constexpr std::string_view in_toto_json = "application/vnd.in-toto+json";
constexpr std::string_view statement_type = "https://in-toto.io/Statement/v1";
constexpr std::string_view predicate_type = "https://model_signing/signature/v1.0";

Error wrong(std::string message) {
  return make_error(Errc::signature_malformed, std::move(message));
}

bool is_relative_path(std::string_view name) {
  if (name.empty() || name.size() > max_resource_name_bytes || name.front() == '/') return false;
  if (std::any_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; })) return false;
  for (std::size_t start = 0; start <= name.size();) {
    const auto end = std::min(name.find('/', start), name.size());
    const std::string_view part = name.substr(start, end - start);
    if (part.empty() || part == "." || part == "..") return false;
    start = end + 1;
  }
  return true;
}

bool by_name(const Resource& a, const Resource& b) {
  return a.name < b.name;
}

bool same_name(const Resource& a, const Resource& b) {
  return a.name == b.name;
}

// The subject's digest: over the digests of the resources, in their order.
Digest root_digest(const std::vector<Resource>& resources) {
  Sha256 hash;
  for (const Resource& resource : resources) hash.update(resource.digest.bytes);
  return hash.finish();
}

Result<void> expect(const Json& object, const char* key, std::string_view value) {
  const Json& found = member(object, key);
  if (found.is_string() && found.get_ref<const std::string&>() == value) return {};
  return wrong(std::string(key) + " must be \"" + std::string(value) + "\"");
}

Result<Digest> digest_in(const Json& object, const char* key) {
  const Json& found = member(object, key);
  if (!found.is_string()) return wrong(std::string(key) + " must be a SHA-256 in hex");
  auto digest = Digest::parse(found.get_ref<const std::string&>());
  if (!digest) return wrong(std::string(key) + " must be a SHA-256 in hex");
  return digest;
}

Result<Resource> read_resource(const Json& json) {
  const Json& name = member(json, "name");
  if (!name.is_string() || !is_relative_path(name.get_ref<const std::string&>()))
    return wrong("a resource's name must be a relative path of at most " + std::to_string(max_resource_name_bytes) +
                 " bytes");
  ARGOSY_CHECK(expect(json, "algorithm", "sha256"));
  ARGOSY_TRY(const Digest digest, digest_in(json, "digest"));
  return Resource{name.get<std::string>(), digest};
}

Result<std::vector<Resource>> read_resources(const Json& predicate) {
  const Json& list = member(predicate, "resources");
  if (!list.is_array() || list.empty() || list.size() > max_resources)
    return wrong("predicate.resources must hold 1 to " + std::to_string(max_resources) + " files");
  std::vector<Resource> resources;
  for (const Json& item : list) {
    ARGOSY_TRY(Resource resource, read_resource(item));
    resources.push_back(std::move(resource));
  }
  return resources;
}

// The statement's digest is over the resources as they stand; which of two with one name is meant would be a guess.
Result<Manifest> read_statement(std::string_view text) {
  const auto parsed = parse_json(text, {.bytes = max_envelope_bytes});
  if (!parsed) return wrong("the signed payload: " + parsed.error().message);
  const Json& statement = *parsed;
  ARGOSY_CHECK(expect(statement, "_type", statement_type));
  ARGOSY_CHECK(expect(statement, "predicateType", predicate_type));
  const Json& subjects = member(statement, "subject");
  if (!subjects.is_array() || subjects.size() != 1 || !member(subjects.front(), "name").is_string())
    return wrong("subject must hold one model with a name");
  ARGOSY_TRY(const Digest root, digest_in(member(subjects.front(), "digest"), "sha256"));
  const Json& predicate = member(statement, "predicate");
  ARGOSY_CHECK(expect(member(predicate, "serialization"), "method", "files"));
  ARGOSY_CHECK(expect(member(predicate, "serialization"), "hash_type", "sha256"));
  Manifest manifest;
  manifest.subject = member(subjects.front(), "name").get<std::string>();
  ARGOSY_TRY(manifest.resources, read_resources(predicate));
  if (root_digest(manifest.resources) != root) return wrong("the subject's digest is not that of the resources");
  std::sort(manifest.resources.begin(), manifest.resources.end(), by_name);
  if (std::adjacent_find(manifest.resources.begin(), manifest.resources.end(), same_name) != manifest.resources.end())
    return wrong("a resource is named twice");
  return manifest;
}

std::string write_statement(const Manifest& manifest) {
  Json resources = Json::array();
  for (const Resource& resource : manifest.resources)
    resources.push_back({{"name", resource.name}, {"algorithm", "sha256"}, {"digest", resource.digest.to_hex()}});
  Json subject = {{"name", manifest.subject}, {"digest", {{"sha256", root_digest(manifest.resources).to_hex()}}}};
  return write_json({{"_type", statement_type},
                     {"subject", Json::array({std::move(subject)})},
                     {"predicateType", predicate_type},
                     {"predicate",
                      {{"serialization", {{"method", "files"}, {"hash_type", "sha256"}, {"allow_symlinks", false}}},
                       {"resources", std::move(resources)}}}});
}

}  // namespace

const Resource* Manifest::find(std::string_view name) const {
  const auto found =
      std::find_if(resources.begin(), resources.end(), [&](const Resource& resource) { return resource.name == name; });
  return found == resources.end() ? nullptr : &*found;
}

Result<std::string> make_bundle(Manifest manifest, const SigningKey& key) {
  std::sort(manifest.resources.begin(), manifest.resources.end(), by_name);
  const auto twice = std::adjacent_find(manifest.resources.begin(), manifest.resources.end(), same_name);
  if (twice != manifest.resources.end())
    return make_error(Errc::invalid_argument, "two files are named " + twice->name + "; give each a name of its own");
  for (const Resource& resource : manifest.resources)
    if (!is_relative_path(resource.name))
      return make_error(Errc::invalid_argument,
                        "\"" + shortened(resource.name) + "\" is not a name to sign a file under");
  if (manifest.resources.empty() || manifest.resources.size() > max_resources)
    return make_error(Errc::invalid_argument, "a signature is over 1 to " + std::to_string(max_resources) + " files");
  ARGOSY_TRY(const std::string public_key, public_half(key));
  ARGOSY_TRY(const Envelope envelope, seal(std::string(in_toto_json), write_statement(manifest), key));
  return write_json(
      {{"mediaType", media_type},
       {"verificationMaterial", {{"publicKey", {{"hint", hint_of(public_key)}}}, {"tlogEntries", Json::array()}}},
       {"dsseEnvelope", envelope_to_json(envelope)}});
}

Result<Bundle> read_bundle(std::string_view text) {
  const auto parsed = parse_json(text, {.bytes = wire::max_bundle_bytes});
  if (!parsed) return wrong("the bundle: " + parsed.error().message);
  const Json& json = *parsed;
  ARGOSY_CHECK(expect(json, "mediaType", media_type));
  const Json& key = member(member(json, "verificationMaterial"), "publicKey");
  if (!key.is_object()) return wrong("verificationMaterial.publicKey is missing: only the method key is read");
  Bundle bundle;
  const Json& hint = member(key, "hint");
  if (hint.is_string()) bundle.key_hint = hint.get<std::string>();
  if (!hint.is_null() && !hint.is_string()) return wrong("verificationMaterial.publicKey.hint must be text");
  ARGOSY_TRY(bundle.envelope, envelope_from_json(member(json, "dsseEnvelope")));
  if (bundle.envelope.payload_type != in_toto_json)
    return wrong("dsseEnvelope.payloadType must be \"" + std::string(in_toto_json) + "\"");
  ARGOSY_TRY(bundle.manifest, read_statement(bundle.envelope.payload));
  return bundle;
}

}  // namespace argosy::signing
