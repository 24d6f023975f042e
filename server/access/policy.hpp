// Which permissions a role gives: one table, in policy.cpp. Pure.
#pragma once

#include <vector>

#include "server/access/permission.hpp"
#include "server/access/role.hpp"

namespace argosy::server {

bool gives(Role role, Permission permission);
std::vector<Role> roles_with(Permission permission);
std::vector<Permission> permissions_of(Role role);
// Whether `role` gives all that `other` gives.
bool includes(Role role, Role other);
// What `granted` leaves when nobody may give more than `maker` has.
Role capped(Role granted, Role maker);

}  // namespace argosy::server
