// The roles of people and tokens. What each may do is in policy.hpp. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "common/base/error.hpp"

namespace argosy::server {

enum class Role : std::uint8_t { viewer, publisher, operator_, admin };  // the first may do least
inline constexpr std::array all_roles{Role::viewer, Role::publisher, Role::operator_, Role::admin};

std::string_view to_string(Role role);
Result<Role> parse_role(std::string_view text);

}  // namespace argosy::server
