#include "server/access/policy.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <iterator>

namespace argosy::server {
namespace {

using Bits = std::uint32_t;

constexpr Bits bit(Permission permission) {
  return Bits{1} << static_cast<unsigned>(permission);
}

struct Row {
  Role role;
  Bits permissions = 0;
  constexpr Row(Role whose, std::initializer_list<Permission> given) : role(whose) {
    for (const Permission permission : given) permissions |= bit(permission);
  }
};

constexpr auto policy = [] {
  using enum Permission;
  return std::array{
      Row{Role::viewer, {use_own_account, read_fleet}},
      Row{Role::publisher, {use_own_account, read_fleet, publish_releases, prepare_patches, label_observations}},
      Row{Role::operator_,
          {use_own_account, read_fleet, prepare_patches, manage_devices, label_observations, operate_rollouts,
           acknowledge_alerts, manage_rules, read_notifications}},
      Row{Role::admin,
          {use_own_account, read_fleet, publish_releases, prepare_patches, manage_devices, label_observations,
           operate_rollouts, acknowledge_alerts, manage_rules, admit_devices, manage_people, read_audit,
           read_notifications, manage_notifications}},
  };
}();

Bits bits_of(Role role) {
  for (const Row& row : policy) {
    if (row.role == role) return row.permissions;
  }
  return 0;
}

}  // namespace

bool gives(Role role, Permission permission) {
  return (bits_of(role) & bit(permission)) != 0;
}

std::vector<Role> roles_with(Permission permission) {
  std::vector<Role> roles;
  std::copy_if(all_roles.begin(), all_roles.end(), std::back_inserter(roles),
               [permission](Role role) { return gives(role, permission); });
  return roles;
}

std::vector<Permission> permissions_of(Role role) {
  std::vector<Permission> permissions;
  std::copy_if(role_permissions.begin(), role_permissions.end(), std::back_inserter(permissions),
               [role](Permission permission) { return gives(role, permission); });
  return permissions;
}

bool includes(Role role, Role other) {
  return (bits_of(other) & ~bits_of(role)) == 0;
}

Role capped(Role granted, Role maker) {
  if (includes(maker, granted)) return granted;
  if (includes(granted, maker)) return maker;
  return Role::viewer;  // of publisher and operator neither includes the other
}

}  // namespace argosy::server
