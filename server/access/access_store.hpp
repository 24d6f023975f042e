// The SQL of users, login links and sessions: functors for DbPool::transact, run on the DB threads. Secrets come as hex
// SHA-256, never as they are.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/access/account.hpp"
#include "server/access/role.hpp"

namespace argosy::server {

struct SessionLives {
  Duration sliding;   // without use
  Duration absolute;  // in all
};

struct FindSession {
  std::string token_hash;
  Instant now;
  SessionLives lives;
  bool prolongs = true;  // a session in use lives on once half of its sliding life is gone
  std::optional<Session> operator()(pqxx::work& transaction) const;
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

struct NewSession {
  std::string token_hash;
  std::string csrf;
  Instant now;
  Instant expires_at;
  std::string replaces;  // hash of the session that the browser had before; empty: none
};

// Errc::unauthenticated when the account was disabled, or its password changed, since that was checked.
struct CreateSession {
  NewSession session;
  std::int64_t user_id = 0;
  std::string checked_password_hash;
  std::optional<std::string> new_password_hash;  // when the stored one is too cheap by now
  Result<Session> operator()(pqxx::work& transaction) const;
};

struct EndSession {
  std::string token_hash;
  void operator()(pqxx::work& transaction) const;
};
struct EndAllSessions {  // and unused links
  std::int64_t user_id = 0;
  std::string actor;
  void operator()(pqxx::work& transaction) const;
};

struct LinkHolder {
  std::string name;
  Role role = Role::viewer;
};
// Whom the link lets in; nobody unless it is good.
struct FindLoginLink {
  std::string link_hash;
  Instant now;
  std::optional<LinkHolder> operator()(pqxx::work& transaction) const;
};
// Errc::unauthenticated when the link was used, has expired or never was, or its maker may not make links any more.
// With a password where there was one before, it is a reset: the account's sessions, links and tokens end.
struct UseLoginLink {
  std::string link_hash;
  std::optional<std::string> password_hash;  // becomes the user's
  NewSession session;
  Result<Session> operator()(pqxx::work& transaction) const;
};

// The other sessions of the user and the unused links end, and the present session goes on under another cookie.
struct ChangePassword {
  std::int64_t user_id = 0;
  std::string password_hash;
  std::string checked_password_hash;
  std::string kept_session;   // its hash
  std::string rotated_token;  // its hash from now on
  std::string actor;
  Result<void> operator()(pqxx::work& transaction) const;
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
  Maker maker;
  Result<User> operator()(pqxx::work& transaction) const;
};
// Errc::not_found; Errc::conflict when no admin would be left. Disabling, another role and a new link in place of a
// password end the user's sessions and unused links; the first and the last end the tokens, too.
struct ChangeUser {
  std::int64_t id = 0;
  std::optional<Role> role;
  std::optional<bool> disabled;
  std::optional<std::string> link_hash;
  Instant link_expires_at;
  Instant now;
  Maker maker;
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

// Sessions and links that have expired, and idempotency keys a day old.
struct ForgetExpired {
  Instant now;
  Duration absolute_life;
  void operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
