#include "server/access/role.hpp"

#include "common/base/text.hpp"

namespace argosy::server {

std::string_view to_string(Role role) {
  switch (role) {
    case Role::viewer:
      return "viewer";
    case Role::publisher:
      return "publisher";
    case Role::operator_:
      return "operator";
    case Role::admin:
      return "admin";
  }
  return "viewer";
}

Result<Role> parse_role(std::string_view text) {
  for (const Role role : all_roles) {
    if (to_string(role) == text) return role;
  }
  return make_error(Errc::invalid_argument,
                    "'" + shortened(text) + "' is not a role: use viewer, publisher, operator or admin");
}

}  // namespace argosy::server
