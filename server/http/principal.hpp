// Who calls. Values; pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/http/permission.hpp"

namespace argosy::server {

// Devices come by their certificate, people by session, pipelines by token.
struct Principal {
  enum class Kind : std::uint8_t { anonymous, user, token, device };
  Kind kind = Kind::anonymous;
  std::string name;     // user name, token name, or device id
  Role role{};          // for user and token
  std::int64_t id = 0;  // for user and token
  // What this right rests on; when one of it may have ended, the caller is asked again: "user:5", "device:cam-7".
  std::vector<std::string> depends_on{};
  std::string actor() const;  // for the audit log: "user:ada", "token:ci", "device:cam-7"
  // Whose right it is: "user:5", the same for a user's sessions and the tokens that they made; "token:7" of a token
  // that nobody stands behind.
  std::string person() const;
};

}  // namespace argosy::server
