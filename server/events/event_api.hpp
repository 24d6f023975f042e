// The HTTP endpoints of events. The service must outlive the router.
#pragma once

#include "server/events/event_service.hpp"

namespace argosy::server {

class Router;

// GET /api/v1/events, GET /api/v1/devices/{id}/events, GET /api/v1/stream
void add_event_routes(Router& router, EventService& events);

}  // namespace argosy::server
