// Who calls, and what a route may ask of its caller. Values without an owner; pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace argosy::server {

enum class Role : std::uint8_t { viewer, publisher, operator_, admin };
std::string_view to_string(Role role);
Result<Role> parse_role(std::string_view text);

// Who calls. Devices come by their certificate, people by session, pipelines by token.
struct Principal {
  enum class Kind : std::uint8_t { anonymous, user, token, device };
  Kind kind = Kind::anonymous;
  std::string name;          // user name, token name, or device id
  Role role = Role::viewer;  // for user and token
  std::int64_t id = 0;       // for user and token
  // What this right rests on; when one of it may have ended, the caller is asked again: "user:5", "device:cam-7".
  std::vector<std::string> depends_on{};
  std::string actor() const;  // for the audit log: "user:ada", "token:ci", "device:cam-7"
};

// What a route asks of its caller. publisher and operator_ do not include each other; admin includes all.
enum class Access : std::uint8_t { open, viewer, publisher, operator_, publisher_or_operator, admin, any_user, device };
bool allows(Access access, const Principal& principal);

}  // namespace argosy::server
