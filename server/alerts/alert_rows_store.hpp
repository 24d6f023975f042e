// Taking alerts through their lives, a whole batch in a few statements: by what rules find, and by the clock. DB
// threads, inside a transaction that holds `lock_alerts`.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <pqxx/pqxx>

#include "server/alerts/alert_life.hpp"
#include "server/alerts/window_memory.hpp"

namespace argosy::server {

// One writer at a time: a leader that is stepping down and its successor must not judge the same windows.
void lock_alerts(pqxx::work& transaction);

using AlertKey = std::tuple<std::string, std::string, std::string>;  // rule, device, model
using OngoingAlerts = std::map<AlertKey, OngoingAlert>;

// Every open alert of the devices, in the state that its rule knows: one that flaps may be ok.
OngoingAlerts read_open_alerts(pqxx::work& transaction, const std::vector<std::string>& devices);

// Takes every alert through the findings that are about it, in their order. How many moved.
std::size_t apply_findings(pqxx::work& transaction, const std::vector<AlertFinding>& findings, Instant now);

// Looks at up to `most` alerts whose time has come: for what holds them back, for calm, and for people who do not come.
// How many were looked at.
std::size_t look_at_due_alerts(pqxx::work& transaction, const EscalationRule& escalation, std::size_t most,
                               Instant now);

}  // namespace argosy::server
