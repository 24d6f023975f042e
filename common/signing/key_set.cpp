#include "common/signing/key_set.hpp"

#include "common/wire/desired.hpp"
#include "common/wire/document.hpp"

namespace argosy::signing {

namespace {

constexpr std::string_view key_set_type = "application/vnd.argosy.keys+json";

struct SignedKeySet {
  KeySet set;
  Envelope envelope;
};

Error no_key_set(const std::string& why) {
  return make_error(Errc::signature_malformed, "this is not a key set: " + why);
}

Result<KeySet> read_payload(std::string_view payload) {
  auto document = wire::read_document(payload, max_envelope_bytes, "the payload");
  if (!document) return no_key_set(document.error().message);
  JsonReader& fields = *document;
  int version = 0;
  KeySet set;
  fields.required("v", version);
  fields.required("number", set.number);
  fields.required("keys", set.keys);
  fields.check("number", set.number > 0, "must be over 0");
  fields.check("keys", !set.keys.empty(), "must hold a key");
  if (const auto read = wire::finish(fields, "the payload"); !read) return no_key_set(read.error().message);
  const auto keys = TrustedKeys::of(set.keys);
  if (!keys) return no_key_set(keys.error().message);
  return set;
}

Result<SignedKeySet> read_signed(std::string_view text) {
  const auto json = parse_json(text, {.bytes = wire::max_key_set_bytes});
  if (!json) return no_key_set(json.error().message);
  ARGOSY_TRY(Envelope envelope, envelope_from_json(*json));
  if (envelope.payload_type != key_set_type)
    return no_key_set("its payloadType is not \"" + std::string(key_set_type) + "\"");
  ARGOSY_TRY(KeySet set, read_payload(envelope.payload));
  return SignedKeySet{std::move(set), std::move(envelope)};
}

}  // namespace

Result<std::string> make_key_set(const KeySet& set, const SigningKey& by) {
  std::string payload = write_json({{"v", 1}, {"number", set.number}, {"keys", set.keys}});
  ARGOSY_CHECK(read_payload(payload));
  ARGOSY_TRY(const Envelope envelope, seal(std::string(key_set_type), std::move(payload), by));
  std::string text = write_json(envelope_to_json(envelope));
  if (text.size() <= wire::max_key_set_bytes) return text;
  return make_error(Errc::too_large, "the key set would have " + std::to_string(text.size()) + " bytes, over " +
                                         std::to_string(wire::max_key_set_bytes) + "; name fewer keys");
}

Result<KeySet> read_key_set(std::string_view text) {
  ARGOSY_TRY(SignedKeySet read, read_signed(text));
  return std::move(read.set);
}

Result<Trust> follow(Trust trust, const std::vector<std::string>& key_sets) {
  for (const std::string& text : key_sets) {
    ARGOSY_TRY(const SignedKeySet next, read_signed(text));
    if (next.set.number <= trust.number) continue;
    const auto checked = trust.keys.check(next.envelope, "");
    if (!checked) return Error(checked.error()).within("key set " + std::to_string(next.set.number));
    ARGOSY_TRY(trust.keys, TrustedKeys::of(next.set.keys));
    trust.number = next.set.number;
  }
  return trust;
}

}  // namespace argosy::signing
