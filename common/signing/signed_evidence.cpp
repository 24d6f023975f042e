#include "common/signing/signed_evidence.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "common/json/json_reader.hpp"

namespace argosy::signing {

namespace {

constexpr const char* evidence_type = "application/vnd.argosy.rollout-evidence+json";
constexpr const char* evidence_algorithm = "ecdsa-p256-sha256";
constexpr std::size_t max_key_text = 1024;
constexpr JsonLimits file_limits{.bytes = max_evidence_file_bytes, .depth = 4, .values = 64};

Error no_evidence(const std::string& why) {
  return make_error(Errc::signature_malformed, "it is not the whole evidence of a rollout: " + why);
}

struct Fields {
  std::string type, evidence, algorithm, hint, pem, value;
};

Result<Fields> fields_of(std::string_view file) {
  Fields fields;
  nlohmann::json signature, key;
  ARGOSY_TRY(auto in, JsonReader::parse(file, file_limits));
  in.required("type", fields.type)
      .required_text("evidence", max_evidence_file_bytes, fields.evidence)
      .required("signature", signature);
  ARGOSY_CHECK(in.finish());
  ARGOSY_TRY(auto of_signature, JsonReader::of(signature, "signature"));
  of_signature.required("algorithm", fields.algorithm)
      .required("key", key)
      .required_text("value", max_key_text, fields.value);
  ARGOSY_CHECK(of_signature.finish());
  ARGOSY_TRY(auto of_key, JsonReader::of(key, "signature.key"));
  of_key.required("sha256", fields.hint).required_text("pem", max_key_text, fields.pem);
  ARGOSY_CHECK(of_key.finish());
  return fields;
}

}  // namespace

Result<std::string> sign_evidence(std::string evidence, const SigningKey& key) {
  ARGOSY_TRY(const std::string pem, public_half(key));
  ARGOSY_TRY(Envelope envelope, seal(evidence_type, std::move(evidence), key));
  const nlohmann::json file{{"type", evidence_type},
                            {"evidence", std::move(envelope.payload)},
                            {"signature",
                             {{"algorithm", evidence_algorithm},
                              {"key", {{"sha256", hint_of(pem)}, {"pem", pem}}},
                              {"value", to_base64(envelope.signature)}}}};
  std::string text = write_json(file);
  if (text.size() <= max_evidence_file_bytes) return text;
  return make_error(Errc::too_large, "the evidence has " + std::to_string(text.size()) + " bytes; at most " +
                                         std::to_string(max_evidence_file_bytes) + " are written");
}

Result<SignedEvidence> read_evidence(std::string_view file) {
  auto read = fields_of(file);
  if (!read) return no_evidence(read.error().message);
  if (read->type != evidence_type) return no_evidence("its type is not " + std::string(evidence_type));
  if (read->algorithm != evidence_algorithm)
    return no_evidence("signature.algorithm is not " + std::string(evidence_algorithm));
  auto signature = from_base64(read->value);
  if (!signature) return no_evidence("signature.value is not base64");
  const auto plain = plain_public_key(read->pem);
  if (!plain || *plain != read->pem)
    return no_evidence("signature.key.pem is not a public key as the server writes it");
  if (hint_of(*plain) != read->hint) return no_evidence("signature.key.sha256 is not that of signature.key.pem");
  return SignedEvidence{
      {std::move(read->type), std::move(read->evidence), std::move(*signature)}, std::move(read->hint), *plain};
}

Result<void> check_evidence(const SignedEvidence& file, const TrustedKeys& keys) {
  const auto checked = keys.empty() ? check(file.envelope, file.key_pem) : keys.check(file.envelope, file.key_hint);
  if (checked || checked.error().code != Errc::signature_invalid) return checked;
  return make_error(Errc::signature_invalid, "the evidence is not what was signed: a byte of it was changed since");
}

}  // namespace argosy::signing
