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

}  // namespace argosy::server
