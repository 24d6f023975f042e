// The figures of signing in, of cut exchanges and of the audit log's chain, for /metrics.
#pragma once

#include "server/access/access_service.hpp"
#include "server/access/audit_service.hpp"
#include "server/http/metrics.hpp"
#include "server/http/open_exchanges.hpp"

namespace argosy::server {

// All outlive the metrics.
void add_access_metrics(Metrics& metrics, AccessService& access, AuditService& audit, OpenExchanges& exchanges);

}  // namespace argosy::server
