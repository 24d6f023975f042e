// Signing in and out, accounts and tokens. Coroutines on the I/O thread; SQL on the database threads, password hashing
// on a worker, tries limited before either.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/access/account.hpp"
#include "server/access/login_limiter.hpp"

namespace argosy::server {

class DbPool;
class WorkerPool;

struct AccessOptions {
  Duration session_life{std::chrono::hours(12)};
  Duration link_life{std::chrono::hours(24)};
  LoginLimiter::Options limiter;
};

struct SignedIn {
  Session session;
  std::string cookie_token;  // the cookie's value, known to nobody else
};

struct NewToken {
  ApiToken token;
  std::string secret;  // shown once
};

struct NewUser {
  User user;
  std::string link_token;  // one-time; empty when a password was given
};

struct UserChange {
  std::optional<Role> role = {};
  std::optional<bool> disabled = {};
  bool new_link = false;
};

class AccessService {
 public:
  AccessService(DbPool& db, WorkerPool& worker, AccessOptions options);

  // Errc::rate_limited with the wait in `retry_after`; Errc::unauthenticated.
  Task<Result<SignedIn>> login(std::string name, std::string password, std::string address, Instant now,
                               Duration& retry_after);
  Task<Result<SignedIn>> login_by_link(std::string token, std::optional<std::string> password, std::string address,
                                       Instant now, Duration& retry_after);
  Task<Result<void>> logout(std::string cookie_token);
  // Errc::unauthenticated when `current` is wrong. Not asked for when the user has no password yet.
  Task<Result<void>> change_password(Session session, std::string cookie_token, std::optional<std::string> current,
                                     std::string password);

  Task<Result<std::optional<Session>>> find_session(std::string cookie_token, Instant now);
  Task<Result<std::optional<ApiToken>>> find_token(std::string secret, Instant now);

  Task<Result<std::vector<User>>> list_users();
  Task<Result<NewUser>> create_user(std::string name, Role role, std::optional<std::string> password, std::string actor,
                                    Instant now);
  Task<Result<NewUser>> change_user(std::int64_t id, UserChange change, std::string actor, Instant now);
  Task<Result<std::vector<ApiToken>>> list_tokens();
  Task<Result<NewToken>> create_token(std::string name, Role role, std::optional<Duration> life, std::string actor,
                                      Instant now);
  Task<Result<void>> revoke_token(std::int64_t id, std::string actor, Instant now);

  // The token of a new one-time link for an admin; empty when `only_if_no_users` and there are some.
  Task<Result<std::string>> make_admin_link(bool only_if_no_users, Instant now);
  // Forgets what has expired. About once a minute on the leader.
  Task<Result<void>> tick(Instant now);

 private:
  Result<void> count_try(const std::string& account, const std::string& address, Instant now, Duration& retry_after);

  DbPool& db_;
  WorkerPool& worker_;
  AccessOptions options_;
  LoginLimiter limiter_;
};

}  // namespace argosy::server
