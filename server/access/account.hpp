// Who may call the API: people, their sessions, and tokens for programs; the limits of their names and secrets. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/access/role.hpp"

namespace argosy::server {

inline constexpr std::size_t min_password_bytes = 10;

struct User {
  std::int64_t id = 0;
  std::string name;
  Role role = Role::viewer;
  bool has_password = false;
  Instant created_at{};
  std::optional<Instant> disabled_at;
};

struct ApiToken {
  std::int64_t id = 0;
  std::string name;
  Role role = Role::viewer;            // as it was made
  Role effective_role = Role::viewer;  // what its maker may still do of it
  std::string created_by;
  Instant created_at{};
  std::optional<Instant> expires_at;
  std::optional<Instant> revoked_at;
  std::optional<Instant> last_used_at;
  std::optional<std::int64_t> maker_id;  // whose rights it has at most; none: argosyd's own
};

// Who makes a user, a link or a token: what is made ends with them.
struct Maker {
  std::string actor;  // for the audit log
  std::optional<std::int64_t> user_id{};
  std::optional<std::int64_t> token_id{};
};

struct Session {
  std::string id;  // hex SHA-256 of the cookie's value
  std::int64_t user_id = 0;
  std::string user;
  Role role = Role::viewer;
  std::string csrf;
};

inline constexpr std::string_view session_cookie = "argosy_session";
inline constexpr std::string_view token_prefix = "argosy_";

// Names of users and tokens: 1 to 64 of letters, digits and . _ - @
Result<void> check_account_name(std::string_view name);
Result<void> check_new_password(std::string_view password);

// The value of one cookie in a Cookie header.
std::optional<std::string_view> find_cookie(std::string_view header, std::string_view name);

}  // namespace argosy::server
