// The HTTP endpoints of rollouts, and a device's own desired document. The services must outlive the routers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace argosy::server {

class Router;

class DesiredService;
class RolloutService;

// GET/POST /api/v1/rollouts, POST /api/v1/rollouts/preview, GET /api/v1/rollouts/{id}, GET .../devices, GET
// .../decisions, POST .../{start|pause|resume|promote|halt|rollback|retry}
void add_rollout_routes(Router& router, RolloutService& rollouts);

// How new the device's desired document is, when that is known without the database.
using KnownRev = std::function<std::optional<std::int64_t>(std::string_view device)>;

// GET /device/v1/desired: 304 before anything is built when `known_rev` says that the device has it.
void add_desired_routes(Router& router, DesiredService& desired, KnownRev known_rev);

}  // namespace argosy::server
