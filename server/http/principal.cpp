#include "server/http/principal.hpp"

namespace argosy::server {

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

std::string Principal::person() const {
  for (const std::string& authority : depends_on) {
    if (authority.starts_with("user:")) return authority;
  }
  return depends_on.empty() ? actor() : depends_on.front();
}

}  // namespace argosy::server
