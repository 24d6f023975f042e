// Whether a caller has the permission that a route asks for: people and tokens by their role, devices by their
// certificate. Pure.
#pragma once

#include "common/base/error.hpp"
#include "server/http/permission.hpp"
#include "server/http/principal.hpp"

namespace argosy::server {

// Errc::unauthenticated to whom signing in may help, otherwise Errc::forbidden; both name the permission and who has
// it.
Result<void> authorize(Permission wanted, const Principal& caller);

}  // namespace argosy::server
