// What a route asks of its caller. The listener compares permissions and roles with nothing and knows none by name:
// which there are, and who has what, is server/access's (permission.hpp, role.hpp, policy.hpp). Values; pure.
#pragma once

#include <cstdint>

namespace argosy::server {

enum class Permission : std::uint8_t;
enum class Role : std::uint8_t;

inline constexpr Permission unnamed_permission{0};  // a route that asks for it is refused when it is added
inline constexpr Permission open_to_everybody{1};   // nobody need sign in

}  // namespace argosy::server
