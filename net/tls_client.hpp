// The TLS side of whoever connects: whom it believes, who it is, and that the server is the one it asked for. TLS 1.2
// or later, always with a verified server. A context may be shared by connections of one thread.
#pragma once

#include <memory>
#include <string>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>

#include "common/base/error.hpp"

namespace argosy::net {

struct TlsClientOptions {
  std::string authorities_pem = {};   // believed
  std::string authorities_file = {};  // and those in this file
  bool system_authorities = false;    // and the system's
  std::string certificate_pem = {};   // our own, with its chain; empty: we are nobody
  std::string private_key_pem = {};
};

// Errc::invalid_argument names what cannot be used.
Result<std::shared_ptr<boost::asio::ssl::context>> make_client_context(const TlsClientOptions& options);

// Says to the server which host is meant. Before the handshake, as expect_host().
template <class Stream>
void name_host(Stream& stream, const std::string& host) {
  SSL_set_tlsext_host_name(stream.native_handle(), host.c_str());
}

// And refuses a certificate of another.
template <class Stream>
void expect_host(Stream& stream, const std::string& host) {
  name_host(stream, host);
  stream.set_verify_callback(boost::asio::ssl::host_name_verification(host));
}

}  // namespace argosy::net
