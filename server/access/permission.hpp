// What a route can ask of its caller. Who has which is in policy.hpp; docs/protocol.md explains them. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace argosy::server {

enum class Permission : std::uint8_t {
  open = 1,         // asked of nobody: server/http/permission.hpp's open_to_everybody
  act_as_device,    // a device has it, and no role
  use_own_account,  // sign out, change one's own password
  read_fleet,
  publish_releases,    // models, blobs, releases, signatures
  prepare_patches,     // ask for patches ahead of a rollout, and cancel them
  manage_devices,      // labels, revoking
  label_observations,  // tell what was right of what a device predicted
  operate_rollouts,    // create, start, pause, halt, ...
  acknowledge_alerts,
  manage_rules,   // what alerts are raised for
  admit_devices,  // claims
  manage_people,  // users and tokens
  read_audit,
  read_notifications,    // routes and deliveries, without secrets
  manage_notifications,  // change routes, send tests, deliver again
};
inline constexpr std::array role_permissions{
    // what a role can give
    Permission::use_own_account,    Permission::read_fleet,          Permission::publish_releases,
    Permission::prepare_patches,    Permission::manage_devices,      Permission::label_observations,
    Permission::operate_rollouts,   Permission::acknowledge_alerts,  Permission::manage_rules,
    Permission::admit_devices,      Permission::manage_people,       Permission::read_audit,
    Permission::read_notifications, Permission::manage_notifications};

std::string_view to_string(Permission permission);  // "publish_releases"
// Of those that a role can give.
std::optional<Permission> parse_permission(std::string_view text);

}  // namespace argosy::server
