// The certificates of a fleet on disk: authority, the server's, the broker's, and those argosyd shows to the broker.
// Blocking; run once, from the command line. Keeps every file that exists.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"

namespace argosy::server {

inline constexpr std::int64_t most_shares = 4;  // instances that share telemetry out among them

// Who argosyd is to the broker, and the name of its files: "argosyd" as the leader, "argosyd@2" as the instance that
// takes share 2. A broker knows clients by their names and lets one of a name in; no device can have one of these.
std::string broker_name(std::int64_t share);

// Makes ca, server, broker and the names above, each as NAME.pem and NAME.key (mode 0600), and crl.pem, the empty list
// of revoked certificates that a broker needs at its first start; answers the names of the pairs it made now.
Result<std::vector<std::string>> init_pki(const std::filesystem::path& folder, const std::vector<std::string>& hosts,
                                          Instant now);

}  // namespace argosy::server
