// Writing findings to the alerts table: the state machine's steps, their rows and their events, for a whole batch in a
// few statements. DB threads, inside a transaction that holds `lock_alerts`.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <pqxx/pqxx>

#include "server/alerts/window_memory.hpp"

namespace argosy::server {

// One writer at a time: a leader that is stepping down and its successor must not judge the same windows.
void lock_alerts(pqxx::work& transaction);

using AlertKey = std::tuple<std::string, std::string, std::string>;  // rule, device, model
using OngoingAlerts = std::map<AlertKey, OngoingAlert>;

// Every open alert of the devices.
OngoingAlerts read_open_alerts(pqxx::work& transaction, const std::vector<std::string>& devices);

// Takes every alert through the findings that are about it, in their order. How many moved to another state.
std::size_t apply_findings(pqxx::work& transaction, const OngoingAlerts& open,
                           const std::vector<AlertFinding>& findings, Instant now);

}  // namespace argosy::server
