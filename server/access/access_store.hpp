// The SQL of users, login links, sessions and API tokens: functors for DbPool::transact, run on the DB threads. Secrets
// come as hex SHA-256, never as they are.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/access/account.hpp"

namespace argosy::server {

struct FindSession {
  std::string token_hash;
  Instant now;
  Duration life;  // a session in use is prolonged to this once half of it is gone
  std::optional<Session> operator()(pqxx::work& transaction) const;
};

struct FindToken {
  std::string token_hash;
  Instant now;
  std::optional<ApiToken> operator()(pqxx::work& transaction) const;
};

struct LoginRecord {
  std::int64_t user_id = 0;
  Role role = Role::viewer;
  std::string password_hash;  // empty: no password
};
struct FindLogin {
  std::string name;
  std::optional<LoginRecord> operator()(pqxx::work& transaction) const;  // not of disabled users
};

struct CreateSession {
  std::int64_t user_id = 0;
  std::string token_hash;
  std::string csrf;
  Instant expires_at;
  std::optional<std::string> new_password_hash;  // when the stored one is too cheap by now
  Session operator()(pqxx::work& transaction) const;
};

struct EndSession {
  std::string token_hash;
  void operator()(pqxx::work& transaction) const;
};

// Errc::unauthenticated when the link was used, has expired or never was.
struct UseLoginLink {
  std::string link_hash;
  std::optional<std::string> password_hash;  // becomes the user's
  CreateSession session;                     // its user_id comes from the link
  Instant now;
  Result<Session> operator()(pqxx::work& transaction) const;
};

struct ChangePassword {
  std::int64_t user_id = 0;
  std::string password_hash;
  std::string kept_session;  // its hash; the user's other sessions end
  std::string actor;
  void operator()(pqxx::work& transaction) const;
};

struct ListUsers {
  std::vector<User> operator()(pqxx::work& transaction) const;  // by name, at most 1,000
};
struct CreateUser {  // Errc::conflict when the name is taken
  std::string name;
  Role role = Role::viewer;
  std::optional<std::string> password_hash;
  std::optional<std::string> link_hash;
  Instant link_expires_at;
  std::string actor;
  Result<User> operator()(pqxx::work& transaction) const;
};
struct ChangeUser {  // Errc::not_found; Errc::conflict when no admin would be left
  std::int64_t id = 0;
  std::optional<Role> role;
  std::optional<bool> disabled;
  std::optional<std::string> link_hash;
  Instant link_expires_at;
  Instant now;
  std::string actor;
  Result<User> operator()(pqxx::work& transaction) const;
};
// A link for the first admin who is not disabled; makes the user "admin" when there is none. `only_if_no_users`: does
// nothing and answers an empty name when there are users.
struct MakeAdminLink {
  std::string link_hash;
  Instant expires_at;
  bool only_if_no_users = false;
  std::string operator()(pqxx::work& transaction) const;
};

struct ListTokens {
  std::vector<ApiToken> operator()(pqxx::work& transaction) const;  // newest first, at most 1,000
};
struct CreateToken {
  std::string name;
  Role role = Role::viewer;
  std::string token_hash;
  std::optional<Instant> expires_at;
  std::string actor;
  ApiToken operator()(pqxx::work& transaction) const;
};
struct RevokeToken {  // Errc::not_found; twice is no error
  std::int64_t id = 0;
  Instant now;
  std::string actor;
  Result<void> operator()(pqxx::work& transaction) const;
};

// Sessions and links that have expired, and idempotency keys a day old.
struct ForgetExpired {
  Instant now;
  void operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
