#include "server/access/authorization.hpp"

#include <string>

#include "server/access/policy.hpp"

namespace argosy::server {
namespace {

static_assert(Permission::open == open_to_everybody);

// "publish_releases, which publisher and admin have"
std::string with_holders(Permission permission) {
  const std::vector<Role> roles = roles_with(permission);
  std::string text = std::string(to_string(permission)) + ", which ";
  for (std::size_t i = 0; i < roles.size(); ++i) {
    if (i > 0) text += i + 1 == roles.size() ? " and " : ", ";
    text += to_string(roles[i]);
  }
  return text + (roles.size() == 1 ? " has" : " have");
}

Result<void> authorize_device(const Principal& caller) {
  if (caller.kind == Principal::Kind::device) return {};
  return make_error(Errc::unauthenticated, "this needs the client certificate of an enrolled device");
}

}  // namespace

Result<void> authorize(Permission wanted, const Principal& caller) {
  if (wanted == Permission::open) return {};
  if (wanted == Permission::act_as_device) return authorize_device(caller);
  switch (caller.kind) {
    case Principal::Kind::anonymous:
      return make_error(Errc::unauthenticated, "this needs a session or a bearer token, with the permission " +
                                                   with_holders(wanted) + ": sign in first");
    case Principal::Kind::device:
      return make_error(Errc::forbidden,
                        caller.actor() + " is a device; this needs the permission " + with_holders(wanted));
    case Principal::Kind::user:
    case Principal::Kind::token:
      if (gives(caller.role, wanted)) return {};
      return make_error(Errc::forbidden, caller.actor() + " has the role " + std::string(to_string(caller.role)) +
                                             "; this needs the permission " + with_holders(wanted));
  }
  return make_error(Errc::forbidden, "nobody may do this");
}

}  // namespace argosy::server
