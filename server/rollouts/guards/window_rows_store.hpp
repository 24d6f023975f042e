// A row of inference_windows as what telemetry hands to the panel. A database thread's; the row's transaction is the
// caller's.
#pragma once

#include <pqxx/pqxx>

#include "server/telemetry/telemetry.hpp"

namespace argosy::server {

// Reads version, started_at, ended_at, count, errors, labelled, correct, latency, numbers, confidences and, where it is
// not null, features. What does not decode is left out.
TakenWindow window_of(const pqxx::row& row);

}  // namespace argosy::server
