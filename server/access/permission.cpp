#include "server/access/permission.hpp"

namespace argosy::server {

std::string_view to_string(Permission permission) {
  switch (permission) {
    case Permission::open:
      return "open";
    case Permission::act_as_device:
      return "act_as_device";
    case Permission::use_own_account:
      return "use_own_account";
    case Permission::read_fleet:
      return "read_fleet";
    case Permission::publish_releases:
      return "publish_releases";
    case Permission::prepare_patches:
      return "prepare_patches";
    case Permission::manage_devices:
      return "manage_devices";
    case Permission::label_observations:
      return "label_observations";
    case Permission::operate_rollouts:
      return "operate_rollouts";
    case Permission::acknowledge_alerts:
      return "acknowledge_alerts";
    case Permission::manage_rules:
      return "manage_rules";
    case Permission::admit_devices:
      return "admit_devices";
    case Permission::manage_people:
      return "manage_people";
    case Permission::read_audit:
      return "read_audit";
    case Permission::read_notifications:
      return "read_notifications";
    case Permission::manage_notifications:
      return "manage_notifications";
  }
  return "unnamed";
}

std::optional<Permission> parse_permission(std::string_view text) {
  for (const Permission permission : role_permissions) {
    if (to_string(permission) == text) return permission;
  }
  return std::nullopt;
}

}  // namespace argosy::server
