// The certificates of a fleet on disk: authority, the server's, the broker's, and the one argosyd shows to the broker.
// Blocking; run once, from the command line. Keeps every file that exists.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"

namespace argosy::server {

// Makes ca, server, broker and argosyd, each as NAME.pem and NAME.key (mode 0600), and crl.pem, the empty list of
// revoked certificates that a broker needs at its first start; answers the names of the pairs it made now.
Result<std::vector<std::string>> init_pki(const std::filesystem::path& folder, const std::vector<std::string>& hosts,
                                          Instant now);

}  // namespace argosy::server
