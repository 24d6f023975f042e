#include "server/http/principal.hpp"

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
  for (const Role role : {Role::viewer, Role::publisher, Role::operator_, Role::admin}) {
    if (to_string(role) == text) return role;
  }
  return make_error(Errc::invalid_argument,
                    "'" + shortened(text) + "' is no role: use viewer, publisher, operator or admin");
}

std::string Principal::actor() const {
  switch (kind) {
    case Kind::anonymous:
      return "anonymous";
    case Kind::user:
      return "user:" + name;
    case Kind::token:
      return "token:" + name;
    case Kind::device:
      return "device:" + name;
  }
  return "anonymous";
}

bool allows(Access access, const Principal& principal) {
  if (access == Access::open) return true;
  if (access == Access::device) return principal.kind == Principal::Kind::device;
  const bool person_or_program = principal.kind == Principal::Kind::user || principal.kind == Principal::Kind::token;
  if (!person_or_program) return false;
  switch (access) {
    case Access::publisher:
      return principal.role == Role::publisher || principal.role == Role::admin;
    case Access::operator_:
      return principal.role == Role::operator_ || principal.role == Role::admin;
    case Access::publisher_or_operator:
      return principal.role != Role::viewer;
    case Access::admin:
      return principal.role == Role::admin;
    default:
      return true;  // viewer and any_user: every role reads
  }
}

}  // namespace argosy::server
