// The certificate that a connection's client has shown.
#pragma once

#include <string>

#include "common/base/instant.hpp"

namespace argosy::server {

struct PeerCertificate {  // verified against the listener's client authority before anyone sees it
  std::string common_name;
  std::string fingerprint;  // lower-case hex SHA-256 of the DER form
  Instant not_after = Instant::max();
};

}  // namespace argosy::server
