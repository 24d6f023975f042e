#include "common/crypto/keys.hpp"

#include <array>

#include <openssl/ec.h>
#include <openssl/pem.h>

#include "common/crypto/openssl_handles.hpp"

namespace argosy {

using namespace openssl;

namespace {

constexpr std::size_t max_challenge_bytes = 255;  // PKCS #9's own bound

Result<std::string> public_key_pem(EVP_PKEY* key) {
  return to_pem("the public key", [&](BIO* bio) { return PEM_write_bio_PUBKEY(bio, key); });
}

Result<void> check_key_kind(EVP_PKEY* key) {
  const int bits = EVP_PKEY_get_bits(key);
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && bits >= 2048 && bits <= 4096) return {};
  std::array<char, 64> group{};
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
      EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1) {
    const std::string_view curve(group.data());
    if (curve == "prime256v1" || curve == "secp384r1") return {};
  }
  const char* type = EVP_PKEY_get0_type_name(key);
  return make_error(Errc::invalid_argument, "a key of type " + std::string(type != nullptr ? type : "unknown") +
                                                " with " + std::to_string(bits) +
                                                " bits is not accepted; use P-256, P-384, or RSA of 2048 to 4096 bits");
}

Result<void> add_challenge(X509_REQ* request, std::string_view challenge) {
  if (challenge.empty()) return {};
  if (challenge.size() > max_challenge_bytes)
    return make_error(Errc::invalid_argument,
                      "a challenge of " + std::to_string(challenge.size()) + " bytes is too long");
  const bool added = X509_REQ_add1_attr_by_NID(request, NID_pkcs9_challengePassword, MBSTRING_UTF8,
                                               reinterpret_cast<const unsigned char*>(challenge.data()),
                                               static_cast<int>(challenge.size())) == 1;
  if (!added) return last_error(Errc::internal, "cannot put the challenge into the request");
  return {};
}

std::string challenge_of(const X509_REQ* request) {
  const int at = X509_REQ_get_attr_by_NID(request, NID_pkcs9_challengePassword, -1);
  const X509_ATTRIBUTE* attribute = at < 0 ? nullptr : X509_REQ_get_attr(request, at);
  const ASN1_TYPE* value =
      attribute == nullptr ? nullptr : X509_ATTRIBUTE_get0_type(const_cast<X509_ATTRIBUTE*>(attribute), 0);
  const bool text = value != nullptr && (value->type == V_ASN1_UTF8STRING || value->type == V_ASN1_PRINTABLESTRING);
  if (!text) return {};
  const ASN1_STRING* string = value->value.asn1_string;
  const int size = ASN1_STRING_length(string);
  if (size < 0 || static_cast<std::size_t>(size) > max_challenge_bytes) return {};
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)), static_cast<std::size_t>(size)};
}

}  // namespace

Result<std::string> make_private_key() {
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return last_error(Errc::internal, "cannot make a P-256 key");
  return to_pem("the private key", [&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

Result<std::string> public_key_of(std::string_view private_key_pem) {
  ARGOSY_TRY(const Key key, read_private_key(private_key_pem));
  return public_key_pem(key.get());
}

Result<std::string> make_csr(std::string_view private_key_pem, std::string_view common_name,
                             std::string_view challenge) {
  ARGOSY_TRY(const Key key, read_private_key(private_key_pem));
  const Request request(X509_REQ_new());
  const Name subject(X509_NAME_new());
  if (!request || !subject) return last_error(Errc::internal, "cannot make a certificate signing request");
  ARGOSY_CHECK(set_common_name(subject.get(), common_name));
  ARGOSY_CHECK(add_challenge(request.get(), challenge));
  const bool signed_ok =
      X509_REQ_set_version(request.get(), 0) == 1 && X509_REQ_set_subject_name(request.get(), subject.get()) == 1 &&
      X509_REQ_set_pubkey(request.get(), key.get()) == 1 && X509_REQ_sign(request.get(), key.get(), EVP_sha256()) > 0;
  if (!signed_ok) return last_error(Errc::internal, "cannot sign the certificate signing request");
  return to_pem("the certificate signing request",
                [&](BIO* bio) { return PEM_write_bio_X509_REQ(bio, request.get()); });
}

Result<CsrFacts> parse_csr(std::string_view csr_pem) {
  ARGOSY_TRY(const Request request, read_request(csr_pem));
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  if (key == nullptr) return last_error(Errc::invalid_argument, "the request's public key cannot be read");
  ARGOSY_CHECK(check_key_kind(key));
  if (X509_REQ_verify(request.get(), key) != 1)
    return last_error(Errc::invalid_argument, "the request is not signed by its own key");
  CsrFacts facts;
  ARGOSY_TRY(facts.common_name, common_name_of(X509_REQ_get_subject_name(request.get())));
  ARGOSY_TRY(facts.public_key_pem, public_key_pem(key));
  facts.challenge = challenge_of(request.get());
  return facts;
}

}  // namespace argosy
