#include "net/tls_client.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/system/system_error.hpp>

namespace argosy::net {

namespace ssl = boost::asio::ssl;

Result<std::shared_ptr<ssl::context>> make_client_context(const TlsClientOptions& options) {
  const char* what = "the authority's certificate";
  try {
    auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
    context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                         ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
    SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
    context->set_verify_mode(ssl::verify_peer);
    if (options.system_authorities) context->set_default_verify_paths();
    if (!options.authorities_pem.empty())
      context->add_certificate_authority(boost::asio::buffer(options.authorities_pem));
    if (!options.authorities_file.empty()) context->load_verify_file(options.authorities_file);
    if (!options.certificate_pem.empty()) {
      what = "our own certificate";
      context->use_certificate_chain(boost::asio::buffer(options.certificate_pem));
      what = "our own key";
      context->use_private_key(boost::asio::buffer(options.private_key_pem), ssl::context::pem);
    }
    return context;
  } catch (const boost::system::system_error& error) {
    return make_error(Errc::invalid_argument, std::string(what) + " cannot be used: " + error.what());
  }
}

}  // namespace argosy::net
