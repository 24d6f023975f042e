#include "common/signing/envelope.hpp"

#include <nlohmann/json.hpp>

namespace argosy::signing {

namespace {

constexpr std::size_t max_signature_bytes = 256;

Error malformed(std::string message) {
  return make_error(Errc::signature_malformed, std::move(message));
}

Result<std::string> text_of(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string())
    return malformed("dsseEnvelope." + std::string(key) + " must be text");
  return found->get<std::string>();
}

Result<Bytes> decoded(const nlohmann::json& object, const char* key, std::size_t limit) {
  ARGOSY_TRY(const std::string text, text_of(object, key));
  if (text.size() > limit * 2) return malformed("dsseEnvelope." + std::string(key) + " is too long");
  auto bytes = from_base64(text);
  if (!bytes) return malformed("dsseEnvelope." + std::string(key) + " is not base64");
  return bytes;
}

}  // namespace

std::string signed_bytes(std::string_view payload_type, std::string_view payload) {
  std::string bytes = "DSSEv1 " + std::to_string(payload_type.size()) + " ";
  bytes.append(payload_type).append(" ").append(std::to_string(payload.size())).append(" ").append(payload);
  return bytes;
}

Result<Envelope> seal(std::string payload_type, std::string payload, const SigningKey& key) {
  ARGOSY_TRY(Bytes signature, sign_message(key, signed_bytes(payload_type, payload)));
  return Envelope{std::move(payload_type), std::move(payload), std::move(signature)};
}

Result<void> check(const Envelope& envelope, std::string_view public_key_pem) {
  return check_message(public_key_pem, signed_bytes(envelope.payload_type, envelope.payload), envelope.signature);
}

nlohmann::json envelope_to_json(const Envelope& envelope) {
  nlohmann::json signature = {{"sig", to_base64(envelope.signature)}, {"keyid", ""}};
  return {{"payload", to_base64(as_bytes(envelope.payload))},
          {"payloadType", envelope.payload_type},
          {"signatures", nlohmann::json::array({std::move(signature)})}};
}

Result<Envelope> envelope_from_json(const nlohmann::json& json) {
  if (!json.is_object()) return malformed("there is no DSSE envelope");
  Envelope envelope;
  ARGOSY_TRY(envelope.payload_type, text_of(json, "payloadType"));
  ARGOSY_TRY(const Bytes payload, decoded(json, "payload", max_envelope_bytes));
  envelope.payload = as_text(payload);
  const auto signatures = json.find("signatures");
  if (signatures == json.end() || !signatures->is_array() || signatures->size() != 1 ||
      !signatures->front().is_object())
    return malformed("dsseEnvelope.signatures must hold one signature");
  ARGOSY_TRY(envelope.signature, decoded(signatures->front(), "sig", max_signature_bytes));
  return envelope;
}

}  // namespace argosy::signing
