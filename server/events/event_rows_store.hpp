// Rows of events, for all who read them. DB threads, inside a transaction.
#pragma once

#include <pqxx/pqxx>

#include "server/events/event.hpp"

namespace argosy::server {

// Of `events e`.
inline constexpr auto event_columns =
    "e.id, e.xact::text as xact_text, e.at, e.kind, e.severity, e.device_id, e.rollout_id, e.model, e.message, "
    "e.details";

Event event_of(const pqxx::row& row);

}  // namespace argosy::server
