#include "agent/link/trust.hpp"

#include <ctime>

#include <boost/asio/ssl/host_name_verification.hpp>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "common/base/encoding.hpp"
#include "net/tls_client.hpp"

namespace argosy::agent {

namespace ssl = boost::asio::ssl;

namespace {

std::string fingerprint_of(X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (certificate == nullptr || X509_digest(certificate, EVP_sha256(), digest, &size) != 1) return {};
  return to_hex({digest, size});
}

std::optional<Instant> instant_of(const ASN1_TIME* time) {
  std::tm shown{};
  if (ASN1_TIME_to_tm(time, &shown) != 1) return std::nullopt;
  return Instant{std::chrono::seconds{::timegm(&shown)}};
}

// The only fault of an unknown authority is that nobody vouches for it: the pin does.
bool is_pinned_authority(X509_STORE_CTX* store, const std::string& pinned_sha256) {
  const int fault = X509_STORE_CTX_get_error(store);
  const bool is_root_in_chain =
      fault == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN || fault == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT;
  return is_root_in_chain && !pinned_sha256.empty() &&
         fingerprint_of(X509_STORE_CTX_get_current_cert(store)) == pinned_sha256;
}

}  // namespace

Result<std::shared_ptr<ssl::context>> make_tls_context(const Trust& trust) {
  return net::make_client_context({.authorities_pem = trust.ca_pem,
                                   .system_authorities = trust.system_authorities,
                                   .certificate_pem = trust.certificate_pem,
                                   .private_key_pem = trust.private_key_pem});
}

std::optional<OutOfTime> out_of_time(ssl::verify_context& context) {
  X509_STORE_CTX* store = context.native_handle();
  const int fault = X509_STORE_CTX_get_error(store);
  if (fault != X509_V_ERR_CERT_NOT_YET_VALID && fault != X509_V_ERR_CERT_HAS_EXPIRED) return std::nullopt;
  const X509* certificate = X509_STORE_CTX_get_current_cert(store);
  const auto begins = certificate == nullptr ? std::nullopt : instant_of(X509_get0_notBefore(certificate));
  const auto ends = certificate == nullptr ? std::nullopt : instant_of(X509_get0_notAfter(certificate));
  if (!begins || !ends) return std::nullopt;
  return OutOfTime{{*begins, *ends}, fault == X509_V_ERR_CERT_NOT_YET_VALID};
}

bool verify_server(bool preverified, ssl::verify_context& context, const std::string& host,
                   const std::string& pinned_sha256) {
  X509_STORE_CTX* store = context.native_handle();
  const int depth = X509_STORE_CTX_get_error_depth(store);
  if (!preverified) {
    if (!is_pinned_authority(store, pinned_sha256)) return false;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    preverified = true;
  }
  if (depth > 0) return true;
  return ssl::host_name_verification(host)(preverified, context);
}

}  // namespace argosy::agent
