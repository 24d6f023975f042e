// Signing in and out, accounts and tokens. Coroutines on the I/O thread; SQL on the database threads, password hashing
// on a worker of its own, tries limited before it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/access/account.hpp"
#include "server/access/failed_logins.hpp"
#include "server/access/login_limiter.hpp"
#include "server/access/password_desk.hpp"
#include "server/access/permission.hpp"
#include "server/access/role.hpp"
#include "server/base/task.hpp"

namespace argosy::server {

class DbPool;
class Metrics;

struct AccessOptions {
  Duration session_life{std::chrono::hours(12)};       // without use
  Duration absolute_life{std::chrono::hours(24 * 7)};  // in all
  Duration link_life{std::chrono::hours(24)};
  LoginLimiter::Options limiter{};
  FailedLogins::Options failures{};
  std::size_t hashing_limit = 64;   // passwords that wait to be hashed
  std::size_t delayed_limit = 256;  // tries that wait because their account is being guessed at
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

// Where somebody signs in from.
struct Door {
  std::string address;
  std::string cookie_token{};  // of the session that the browser had; it ends
};

struct LinkUse {
  std::string token;
  std::optional<std::string> password{};  // becomes the person's
  std::optional<Permission> needs{};      // whoever lacks it is refused, and the link stays unused
};

class AccessService {
 public:
  // `worker` hashes passwords and does nothing else.
  AccessService(DbPool& db, WorkerPool& worker, AccessOptions options);

  // Errc::rate_limited with the wait in `retry_after`; Errc::unauthenticated.
  Task<Result<SignedIn>> login(std::string name, std::string password, Door door, Instant now, Duration& retry_after);
  // Who brings a good link is never made to wait. Errc::forbidden for want of the permission.
  Task<Result<SignedIn>> login_by_link(LinkUse use, Door door, Instant now, Duration& retry_after);
  Task<Result<void>> logout(std::string cookie_token);
  Task<Result<void>> logout_everywhere(std::int64_t user_id, std::string actor);
  // The cookie under which the session goes on. Errc::forbidden when `current` is wrong; it is not asked for when the
  // user has no password yet.
  Task<Result<std::string>> change_password(Session session, std::optional<std::string> current, std::string password,
                                            std::string address, Instant now);

  // `prolongs`: this is use, which a sliding life counts.
  Task<Result<std::optional<Session>>> find_session(std::string cookie_token, Instant now, bool prolongs = true);
  Task<Result<std::optional<ApiToken>>> find_token(std::string secret, Instant now);

  Task<Result<std::vector<User>>> list_users();
  Task<Result<NewUser>> create_user(std::string name, Role role, std::optional<std::string> password, Maker maker,
                                    Instant now);
  Task<Result<NewUser>> change_user(std::int64_t id, UserChange change, Maker maker, Instant now);
  Task<Result<std::vector<ApiToken>>> list_tokens();
  Task<Result<NewToken>> create_token(std::string name, Role role, std::optional<Duration> life, Maker maker,
                                      Instant now);
  Task<Result<void>> revoke_token(std::int64_t id, std::string actor, Instant now);

  // The token of a new one-time link for an admin; empty when `only_if_no_users` and there are some.
  Task<Result<std::string>> make_admin_link(bool only_if_no_users, Instant now);
  // Forgets what has expired. About once a minute on the leader.
  Task<Result<void>> tick(Instant now);
  // Writes down the failed sign-ins that were counted here. Every few seconds on each instance.
  Task<Result<void>> write_failures(Instant now);

  struct Counters {
    std::uint64_t failed = 0;       // wrong passwords and links
    std::uint64_t limited = 0;      // tries refused for their number
    std::uint64_t desk_full = 0;    // for want of room at the desk
    std::size_t hashing_waits = 0;  // present
  };
  Counters counters() const { return {failed_, limited_, desk_.refused(), desk_.waiting()}; }

 private:
  struct Try {
    std::string account, address;  // the address as a group
  };
  Task<Result<void>> admit(Try attempt, Instant now, Duration& retry_after);
  Task<void> note_failure(Try attempt, std::string reason, Instant now);

  DbPool& db_;
  WorkerPool& worker_;
  AccessOptions options_;
  LoginLimiter limiter_;
  FailedLogins failures_;
  PasswordDesk desk_;
  std::size_t delayed_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t limited_ = 0;
};

void add_metrics(Metrics& metrics, const AccessService& access);

}  // namespace argosy::server
