// Presence in SQL. Pure.
#pragma once

#include <string>

namespace argosy::server {

// Whether the device of this row of device_state can be told something now: "s.presence in (...)".
std::string reachable_sql(const std::string& device_state);

}  // namespace argosy::server
