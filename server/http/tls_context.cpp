#include "server/http/tls_context.hpp"

#include <boost/system/system_error.hpp>

namespace argosy::server {
namespace {

namespace ssl = boost::asio::ssl;

void ask_for_client_certificate(ssl::context& context, const std::filesystem::path& authority) {
  context.load_verify_file(authority.string());
  context.set_verify_mode(ssl::verify_peer);  // without fail_if_no_peer_cert: enrolling comes before having one
  SSL_CTX* native = context.native_handle();
  SSL_CTX_set_client_CA_list(native, SSL_load_client_CA_file(authority.c_str()));
  // Resumed sessions carry the peer's certificate only inside a named context.
  constexpr unsigned char session_context[] = "argosy-device";
  SSL_CTX_set_session_id_context(native, session_context, sizeof session_context - 1);
}

}  // namespace

Result<std::shared_ptr<ssl::context>> make_tls_context(const TlsFiles& files) {
  std::filesystem::path current;
  try {
    auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                         ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
    SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    current = files.certificate;
    context->use_certificate_chain_file(current.string());
    current = files.key;
    context->use_private_key_file(current.string(), ssl::context::pem);
    current = files.client_authority;
    if (!current.empty()) ask_for_client_certificate(*context, current);
    return context;
  } catch (const boost::system::system_error& error) {
    return make_error(Errc::invalid_argument, "cannot use '" + current.string() + "' for TLS: " + error.what());
  }
}

}  // namespace argosy::server
