// Whom the agent believes when it connects: the authority given at enrolment, or before that one pinned by the
// configuration, as a file or as the SHA-256 of the certificate.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <boost/asio/ssl/context.hpp>

#include "common/base/error.hpp"
#include "common/crypto/certificates.hpp"

namespace argosy::agent {

struct Trust {
  std::string ca_pem;           // believed; or, when it is empty,
  std::string ca_sha256;        // hex of the authority's fingerprint, to be found in the server's chain
  std::string certificate_pem;  // our own; empty before enrolment
  std::string private_key_pem;
  bool system_authorities = false;  // are believed, too
};

// A client's TLS 1.2+ context. Errc::invalid_argument names what cannot be used.
Result<std::shared_ptr<boost::asio::ssl::context>> make_tls_context(const Trust& trust);

// Where all that is wrong with a certificate is the time: when it is good.
struct OutOfTime {
  Validity good;
  bool not_yet = false;
};
std::optional<OutOfTime> out_of_time(boost::asio::ssl::verify_context& context);

// For set_verify_callback: the host's name, and where only the fingerprint is known, the pinned authority.
bool verify_server(bool preverified, boost::asio::ssl::verify_context& context, const std::string& host,
                   const std::string& pinned_sha256);

}  // namespace argosy::agent
