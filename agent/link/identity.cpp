#include "agent/link/identity.hpp"

#include "common/base/file.hpp"
#include "common/crypto/certificates.hpp"
#include "common/crypto/keys.hpp"
#include "common/wire/document.hpp"

namespace argosy::agent {

namespace {

constexpr std::uint64_t max_file_bytes = 128 << 10;
constexpr std::size_t max_pem_bytes = 32 << 10;
constexpr std::string_view answer_name = "the server's answer";
constexpr unsigned secret_mode = 0600;

std::string encode_issued(const IssuedIdentity& issued) {
  return write_json({{"device", issued.device},
                     {"certificate", issued.certificate_pem},
                     {"ca", issued.ca_pem},
                     {"mqtt", {{"host", issued.mqtt_host}, {"port", issued.mqtt_port}}}});
}

Result<Identity> identity_of(const IssuedIdentity& issued, std::string private_key_pem) {
  ARGOSY_TRY(const CertificateFacts facts, read_certificate(issued.certificate_pem));
  ARGOSY_CHECK(check_key_matches(issued.certificate_pem, private_key_pem));
  Identity identity;
  identity.device = facts.common_name;
  identity.private_key_pem = std::move(private_key_pem);
  identity.certificate_pem = issued.certificate_pem;
  identity.ca_pem = issued.ca_pem;
  identity.mqtt_host = issued.mqtt_host;
  identity.mqtt_port = issued.mqtt_port;
  identity.not_before = facts.not_before;
  identity.not_after = facts.not_after;
  return identity;
}

}  // namespace

Result<IssuedIdentity> decode_issued_identity(std::string_view json) {
  ARGOSY_TRY(JsonReader fields, wire::read_document(json, max_file_bytes, answer_name));
  IssuedIdentity issued;
  fields.required("device", issued.device);
  fields.required_text("certificate", max_pem_bytes, issued.certificate_pem);
  fields.required_text("ca", max_pem_bytes, issued.ca_pem);
  fields.optional_object("mqtt", [&](JsonReader& mqtt) {
    mqtt.optional("host", issued.mqtt_host);
    mqtt.optional("port", issued.mqtt_port);
  });
  ARGOSY_CHECK(wire::finish(fields, answer_name));
  return issued;
}

Result<std::string> IdentityStore::key() const {
  auto known = read_file(key_file(), max_file_bytes);
  if (known || known.error().code != Errc::not_found) return known;
  ARGOSY_TRY(std::string made, make_private_key());
  ARGOSY_CHECK(write_file_atomically(key_file(), made, secret_mode));
  return made;
}

Result<std::optional<Identity>> IdentityStore::load() const {
  const auto text = read_file(issued_file(), max_file_bytes);
  if (!text && text.error().code == Errc::not_found) return std::optional<Identity>();
  if (!text) return text.error();
  ARGOSY_TRY(const IssuedIdentity issued, decode_issued_identity(*text));
  ARGOSY_TRY(std::string private_key, key());
  ARGOSY_TRY(Identity identity, identity_of(issued, std::move(private_key)));
  return std::optional(std::move(identity));
}

Result<Identity> IdentityStore::keep(const IssuedIdentity& issued, Instant now) const {
  ARGOSY_TRY(std::string private_key, key());
  ARGOSY_CHECK(check_issued_by(issued.certificate_pem, issued.ca_pem, now));
  ARGOSY_TRY(Identity identity, identity_of(issued, std::move(private_key)));
  ARGOSY_CHECK(write_file_atomically(certificate_file(), issued.certificate_pem, secret_mode));
  ARGOSY_CHECK(write_file_atomically(ca_file(), issued.ca_pem, secret_mode));
  ARGOSY_CHECK(write_file_atomically(issued_file(), encode_issued(issued), secret_mode));
  return identity;
}

}  // namespace argosy::agent
