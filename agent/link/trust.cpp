#include "agent/link/trust.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/system/system_error.hpp>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "common/base/encoding.hpp"

namespace argosy::agent {

namespace ssl = boost::asio::ssl;

namespace {

std::string fingerprint_of(X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (certificate == nullptr || X509_digest(certificate, EVP_sha256(), digest, &size) != 1) return {};
  return to_hex({digest, size});
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
  const char* what = "the authority's certificate";
  try {
    auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
    context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                         ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
    SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
    context->set_verify_mode(ssl::verify_peer);
    if (trust.system_authorities) context->set_default_verify_paths();
    if (!trust.ca_pem.empty()) context->add_certificate_authority(boost::asio::buffer(trust.ca_pem));
    if (!trust.certificate_pem.empty()) {
      what = "this device's certificate";
      context->use_certificate_chain(boost::asio::buffer(trust.certificate_pem));
      what = "this device's key";
      context->use_private_key(boost::asio::buffer(trust.private_key_pem), ssl::context::pem);
    }
    return context;
  } catch (const boost::system::system_error& error) {
    return make_error(Errc::invalid_argument, std::string(what) + " cannot be used: " + error.what());
  }
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
