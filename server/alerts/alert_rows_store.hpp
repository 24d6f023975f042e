// Writing one finding to the alerts table: the state machine's step, its row and its event. DB threads, inside a
// transaction.
#pragma once

#include <pqxx/pqxx>

#include "server/alerts/alert.hpp"

namespace argosy::server {

// The state of the open alert of (rule, device, model), its row locked; ok when there is none.
AlertState open_alert_state(pqxx::work& transaction, AlertRule rule, const std::string& device,
                            const std::string& model);

// Whether the alert moved to another state.
bool apply_finding(pqxx::work& transaction, AlertState present, const AlertFinding& finding, Instant now);

}  // namespace argosy::server
