// argosyd --verify-audit: walks the audit log from its first row in the archive to the last in the database. Blocking.
#pragma once

#include <string>

#include "server/app/config.hpp"

namespace argosy::server {

// `noted`: a head that was written down earlier, "SEAL:HASH", or empty. Prints what was found; 0 when the log is whole,
// 1 when it is not or could not be read.
int verify_audit(const Config& config, const std::string& noted);

}  // namespace argosy::server
