// The TLS side of a listener: TLS 1.2 or newer, the server's certificate, and for devices the authority whose client
// certificates it accepts. A client may come without a certificate; one that does not verify ends the handshake.
#pragma once

#include <filesystem>
#include <memory>

#include <boost/asio/ssl/context.hpp>

#include "common/base/error.hpp"

namespace argosy::server {

struct TlsFiles {
  std::filesystem::path certificate;       // PEM, with its chain
  std::filesystem::path key;               // PEM
  std::filesystem::path client_authority;  // PEM; empty: clients are not asked for a certificate
};

Result<std::shared_ptr<boost::asio::ssl::context>> make_tls_context(const TlsFiles& files);

}  // namespace argosy::server
