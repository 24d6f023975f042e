#include "common/crypto/certificates.hpp"

#include <array>
#include <ctime>

#include <arpa/inet.h>
#include <openssl/pem.h>

#include "common/base/id.hpp"
#include "common/base/random.hpp"
#include "common/crypto/keys.hpp"
#include "common/crypto/openssl_handles.hpp"

namespace argosy {

using namespace openssl;

namespace {

using AsnNumber = std::unique_ptr<ASN1_INTEGER, Freer<ASN1_INTEGER_free>>;
using AsnTime = std::unique_ptr<ASN1_TIME, Freer<ASN1_TIME_free>>;
using RevocationList = std::unique_ptr<X509_CRL, Freer<X509_CRL_free>>;
using RevokedEntry = std::unique_ptr<X509_REVOKED, Freer<X509_REVOKED_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>>;

struct ExtensionText {
  int nid;
  std::string value;
};

std::time_t to_time_t(Instant at) {
  return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
}

Result<Instant> to_instant(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1)
    return last_error(Errc::invalid_argument, "the certificate holds a time that cannot be read");
  return Instant{std::chrono::seconds{timegm(&parts)}};
}

Result<void> check_validity(Validity validity) {
  if (validity.not_after > validity.not_before) return {};
  return make_error(Errc::invalid_argument, "a certificate cannot end at " + to_rfc3339(validity.not_after) +
                                                ", before it begins at " + to_rfc3339(validity.not_before));
}

std::string random_serial() {
  Bytes bytes = secure_random(16);
  bytes[0] = static_cast<std::uint8_t>((bytes[0] & 0x3f) | 0x40);  // positive, and never shorter than the rest
  return to_hex(bytes);
}

Result<AsnNumber> serial_from_hex(const std::string& hex) {
  BIGNUM* raw = nullptr;
  const bool sane = !hex.empty() && hex.size() <= 40 && BN_hex2bn(&raw, hex.c_str()) == static_cast<int>(hex.size());
  const Number number(raw);
  if (!sane || BN_is_zero(number.get()) || BN_is_negative(number.get()))
    return make_error(Errc::invalid_argument,
                      "\"" + hex.substr(0, 80) + "\" is not a serial number; use 1 to 40 hex digits, not zero");
  AsnNumber serial(BN_to_ASN1_INTEGER(number.get(), nullptr));
  if (!serial) return last_error(Errc::internal, "cannot set the serial number");
  return serial;
}

Result<std::string> serial_to_hex(const ASN1_INTEGER* serial) {
  const Number number(ASN1_INTEGER_to_BN(serial, nullptr));
  Bytes bytes(number ? static_cast<std::size_t>(BN_num_bytes(number.get())) : 0);
  if (bytes.empty() || bytes.size() > 20)
    return make_error(Errc::invalid_argument, "the certificate's serial number has no digits or too many");
  BN_bn2bin(number.get(), bytes.data());
  std::string hex = to_hex(bytes);
  return hex.front() == '0' ? hex.substr(1) : hex;
}

Result<void> add_extensions(X509* certificate, X509* issuer, const std::vector<ExtensionText>& extensions) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  for (const auto& [nid, value] : extensions) {
    const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1)
      return last_error(Errc::internal, std::string("cannot add the extension ") + OBJ_nid2sn(nid) + " = " + value);
  }
  return {};
}

// What is to be signed; the authority's own certificate has no issuer but itself.
struct Draft {
  std::string common_name;
  Validity validity;
  std::string serial_hex;
  EVP_PKEY* subject_key;
  std::vector<ExtensionText> extensions;
};

Result<Certificate> fill(const Draft& draft, const X509_NAME* issuer_name) {
  ARGOSY_CHECK(check_validity(draft.validity));
  ARGOSY_TRY(const auto serial, serial_from_hex(draft.serial_hex));
  Certificate certificate(X509_new());
  const Name subject(X509_NAME_new());
  if (!certificate || !subject) return last_error(Errc::internal, "cannot make a certificate");
  ARGOSY_CHECK(set_common_name(subject.get(), draft.common_name));
  X509* x = certificate.get();
  const bool filled = X509_set_version(x, X509_VERSION_3) == 1 && X509_set_serialNumber(x, serial.get()) == 1 &&
                      X509_set_subject_name(x, subject.get()) == 1 &&
                      X509_set_issuer_name(x, issuer_name != nullptr ? issuer_name : subject.get()) == 1 &&
                      ASN1_TIME_set(X509_getm_notBefore(x), to_time_t(draft.validity.not_before)) != nullptr &&
                      ASN1_TIME_set(X509_getm_notAfter(x), to_time_t(draft.validity.not_after)) != nullptr &&
                      X509_set_pubkey(x, draft.subject_key) == 1;
  if (!filled) return last_error(Errc::internal, "cannot fill in the certificate");
  return certificate;
}

Result<std::string> sign(const Certificate& certificate, EVP_PKEY* key) {
  if (X509_sign(certificate.get(), key, EVP_sha256()) <= 0)
    return last_error(Errc::internal, "cannot sign the certificate");
  return to_pem("the certificate", [&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); });
}

struct Authority {
  Certificate certificate;
  Key key;
};

Result<Authority> open_authority(const CertificateAndKey& pem) {
  Authority authority;
  ARGOSY_TRY(authority.certificate, read_certificate_pem(pem.certificate_pem));
  ARGOSY_TRY(authority.key, read_private_key(pem.private_key_pem));
  if (X509_check_private_key(authority.certificate.get(), authority.key.get()) != 1)
    return last_error(Errc::invalid_argument, "the authority's certificate and private key do not belong together");
  if (X509_check_ca(authority.certificate.get()) != 1)
    return make_error(Errc::invalid_argument, "the certificate given as the authority's may not sign certificates");
  return authority;
}

Result<std::string> sign_leaf(const Authority& authority, const Draft& draft) {
  X509* issuer = authority.certificate.get();
  ARGOSY_TRY(const auto certificate, fill(draft, X509_get_subject_name(issuer)));
  ARGOSY_CHECK(add_extensions(certificate.get(), issuer, draft.extensions));
  return sign(certificate, authority.key.get());
}

Result<std::string> alternative_names(const ServerNames& names) {
  std::string text;
  for (const auto& name : names.dns) {
    const bool plain = !name.empty() && name.size() <= 253 &&
                       name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.*") ==
                           std::string::npos;
    if (!plain) return make_error(Errc::invalid_argument, "\"" + name.substr(0, 80) + "\" is not a host name");
    text += (text.empty() ? "DNS:" : ",DNS:") + name;
  }
  for (const auto& address : names.addresses) {
    std::array<unsigned char, sizeof(in6_addr)> binary;
    if (inet_pton(AF_INET, address.c_str(), binary.data()) != 1 &&
        inet_pton(AF_INET6, address.c_str(), binary.data()) != 1)
      return make_error(Errc::invalid_argument, "\"" + address.substr(0, 80) + "\" is not an IP address");
    text += (text.empty() ? "IP:" : ",IP:") + address;
  }
  if (text.empty()) return make_error(Errc::invalid_argument, "a server certificate needs a host name or an address");
  return text;
}

// A common name holds 64 bytes; clients look at the alternative names, so a longer host name is only shortened here.
std::string display_name(const ServerNames& names) {
  return (names.dns.empty() ? names.addresses.front() : names.dns.front()).substr(0, 64);
}

Result<void> add_revocation(X509_CRL* list, const Revocation& revocation) {
  ARGOSY_TRY(const auto serial, serial_from_hex(revocation.serial_hex));
  const AsnTime at(ASN1_TIME_set(nullptr, to_time_t(revocation.at)));
  RevokedEntry entry(X509_REVOKED_new());
  const bool added = at && entry && X509_REVOKED_set_serialNumber(entry.get(), serial.get()) == 1 &&
                     X509_REVOKED_set_revocationDate(entry.get(), at.get()) == 1 &&
                     X509_CRL_add0_revoked(list, entry.get()) == 1;
  if (!added) return last_error(Errc::internal, "cannot add " + revocation.serial_hex + " to the revocation list");
  entry.release();  // now the list's
  return {};
}

Result<void> number_list(X509_CRL* list, X509* issuer, std::uint64_t value) {
  const AsnNumber number(ASN1_INTEGER_new());
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, nullptr, nullptr, list, 0);
  const Extension key_id(X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always"));
  const bool done = number && ASN1_INTEGER_set_uint64(number.get(), value) == 1 &&
                    X509_CRL_add1_ext_i2d(list, NID_crl_number, number.get(), 0, 0) == 1 && key_id &&
                    X509_CRL_add_ext(list, key_id.get(), -1) == 1;
  if (!done) return last_error(Errc::internal, "cannot number the revocation list");
  return {};
}

// "argosyd@2": of several that are argosyd to the broker. No device can be called that.
bool is_servers_own(std::string_view name) {
  constexpr std::string_view server = "argosyd@";
  return name.size() == server.size() + 1 && name.starts_with(server) && name.back() >= '1' && name.back() <= '9';
}

}  // namespace

Result<CertificateAndKey> make_authority(std::string_view common_name, Validity validity) {
  CertificateAndKey made;
  ARGOSY_TRY(made.private_key_pem, make_private_key());
  ARGOSY_TRY(const Key key, read_private_key(made.private_key_pem));
  const Draft draft{.common_name = std::string(common_name),
                    .validity = validity,
                    .serial_hex = random_serial(),
                    .subject_key = key.get(),
                    .extensions = {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                                   {NID_key_usage, "critical,keyCertSign,cRLSign"},
                                   {NID_subject_key_identifier, "hash"}}};
  ARGOSY_TRY(const auto certificate, fill(draft, nullptr));
  ARGOSY_CHECK(add_extensions(certificate.get(), certificate.get(), draft.extensions));
  ARGOSY_TRY(made.certificate_pem, sign(certificate, key.get()));
  return made;
}

Result<std::string> issue_client_certificate(const CertificateAndKey& authority_pem, std::string_view csr_pem,
                                             const ClientCertificateOptions& options) {
  if (!is_name(options.common_name) && !is_servers_own(options.common_name))
    return make_error(Errc::invalid_argument, "\"" + options.common_name.substr(0, 80) +
                                                  "\" cannot name a device; use 1 to 64 of A-Z a-z 0-9 _ -");
  ARGOSY_CHECK(parse_csr(csr_pem));
  ARGOSY_TRY(const auto authority, open_authority(authority_pem));
  ARGOSY_TRY(const auto request, read_request(csr_pem));
  return sign_leaf(authority, Draft{.common_name = options.common_name,
                                    .validity = options.validity,
                                    .serial_hex = options.serial_hex.empty() ? random_serial() : options.serial_hex,
                                    .subject_key = X509_REQ_get0_pubkey(request.get()),
                                    .extensions = {{NID_basic_constraints, "critical,CA:FALSE"},
                                                   {NID_key_usage, "critical,digitalSignature"},
                                                   {NID_ext_key_usage, "clientAuth"},
                                                   {NID_subject_key_identifier, "hash"},
                                                   {NID_authority_key_identifier, "keyid:always"}}});
}

Result<CertificateAndKey> make_server_certificate(const CertificateAndKey& authority_pem, const ServerNames& names,
                                                  Validity validity) {
  ARGOSY_TRY(const auto alternatives, alternative_names(names));
  ARGOSY_TRY(const auto authority, open_authority(authority_pem));
  CertificateAndKey made;
  ARGOSY_TRY(made.private_key_pem, make_private_key());
  ARGOSY_TRY(const Key key, read_private_key(made.private_key_pem));
  ARGOSY_TRY(made.certificate_pem,
             sign_leaf(authority, Draft{.common_name = display_name(names),
                                        .validity = validity,
                                        .serial_hex = random_serial(),
                                        .subject_key = key.get(),
                                        .extensions = {{NID_basic_constraints, "critical,CA:FALSE"},
                                                       {NID_key_usage, "critical,digitalSignature"},
                                                       {NID_ext_key_usage, "serverAuth"},
                                                       {NID_subject_alt_name, alternatives},
                                                       {NID_subject_key_identifier, "hash"},
                                                       {NID_authority_key_identifier, "keyid:always"}}}));
  return made;
}

Result<CertificateFacts> read_certificate(std::string_view certificate_pem) {
  ARGOSY_TRY(const auto certificate, read_certificate_pem(certificate_pem));
  CertificateFacts facts;
  ARGOSY_TRY(facts.common_name, common_name_of(X509_get_subject_name(certificate.get())));
  ARGOSY_TRY(facts.serial_hex, serial_to_hex(X509_get0_serialNumber(certificate.get())));
  ARGOSY_TRY(facts.not_before, to_instant(X509_get0_notBefore(certificate.get())));
  ARGOSY_TRY(facts.not_after, to_instant(X509_get0_notAfter(certificate.get())));
  if (X509_digest(certificate.get(), EVP_sha256(), facts.fingerprint.bytes.data(), nullptr) != 1)
    return last_error(Errc::internal, "cannot take the certificate's fingerprint");
  facts.is_authority = X509_check_ca(certificate.get()) == 1;
  return facts;
}

Result<void> check_issued_by(std::string_view certificate_pem, std::string_view authority_pem, Instant now) {
  ARGOSY_TRY(const auto certificate, read_certificate_pem(certificate_pem));
  ARGOSY_TRY(const auto authority, read_certificate_pem(authority_pem));
  const int issued = X509_check_issued(authority.get(), certificate.get());
  if (issued != X509_V_OK)
    return make_error(Errc::unauthenticated, std::string("the certificate is not from this authority: ") +
                                                 X509_verify_cert_error_string(issued));
  if (X509_verify(certificate.get(), X509_get0_pubkey(authority.get())) != 1)
    return last_error(Errc::unauthenticated, "the certificate does not bear this authority's signature");
  ARGOSY_TRY(const auto not_before, to_instant(X509_get0_notBefore(certificate.get())));
  ARGOSY_TRY(const auto not_after, to_instant(X509_get0_notAfter(certificate.get())));
  if (now < not_before)
    return make_error(Errc::unauthenticated, "the certificate begins at " + to_rfc3339(not_before) + ", and it is " +
                                                 to_rfc3339(now) + "; check the clock");
  if (now > not_after)
    return make_error(Errc::unauthenticated, "the certificate ended at " + to_rfc3339(not_after) + "; renew it");
  return {};
}

Result<void> check_key_matches(std::string_view certificate_pem, std::string_view private_key_pem) {
  ARGOSY_TRY(const auto certificate, read_certificate_pem(certificate_pem));
  ARGOSY_TRY(const auto key, read_private_key(private_key_pem));
  if (X509_check_private_key(certificate.get(), key.get()) != 1)
    return last_error(Errc::invalid_argument, "the certificate is not for this private key");
  return {};
}

Result<std::string> make_revocation_list(const CertificateAndKey& authority_pem, const std::vector<Revocation>& revoked,
                                         std::uint64_t number, Validity validity) {
  ARGOSY_CHECK(check_validity(validity));
  ARGOSY_TRY(const auto authority, open_authority(authority_pem));
  X509* issuer = authority.certificate.get();
  const RevocationList list(X509_CRL_new());
  const AsnTime from(ASN1_TIME_set(nullptr, to_time_t(validity.not_before)));
  const AsnTime until(ASN1_TIME_set(nullptr, to_time_t(validity.not_after)));
  const bool begun = list && from && until && X509_CRL_set_version(list.get(), X509_CRL_VERSION_2) == 1 &&
                     X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(issuer)) == 1 &&
                     X509_CRL_set1_lastUpdate(list.get(), from.get()) == 1 &&
                     X509_CRL_set1_nextUpdate(list.get(), until.get()) == 1;
  if (!begun) return last_error(Errc::internal, "cannot make a revocation list");
  for (const auto& revocation : revoked) ARGOSY_CHECK(add_revocation(list.get(), revocation));
  ARGOSY_CHECK(number_list(list.get(), issuer, number));
  if (X509_CRL_sort(list.get()) != 1 || X509_CRL_sign(list.get(), authority.key.get(), EVP_sha256()) <= 0)
    return last_error(Errc::internal, "cannot sign the revocation list");
  return to_pem("the revocation list", [&](BIO* bio) { return PEM_write_bio_X509_CRL(bio, list.get()); });
}

}  // namespace argosy
