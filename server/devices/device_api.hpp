// The HTTP endpoints of devices, claims and enrolment. The services must outlive the router.
#pragma once

#include "server/devices/device_service.hpp"
#include "server/devices/enrolment_service.hpp"

namespace argosy::server {

class Router;

// GET /api/v1/devices, GET/PATCH/DELETE /api/v1/devices/{id}
void add_device_routes(Router& router, DeviceService& devices);

// GET/POST /api/v1/claims, DELETE /api/v1/claims/{id}, POST /device/v1/enrol, POST /device/v1/renew
void add_enrolment_routes(Router& router, EnrolmentService& enrolment);

}  // namespace argosy::server
