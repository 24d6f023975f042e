#include "server/access/access_service.hpp"

#include <boost/asio/steady_timer.hpp>
#include <spdlog/spdlog.h>

#include "common/crypto/digest.hpp"
#include "common/crypto/password.hpp"
#include "common/crypto/token.hpp"
#include "server/access/access_store.hpp"
#include "server/access/authorization.hpp"
#include "server/access/failed_logins_store.hpp"
#include "server/access/token_store.hpp"
#include "server/base/metrics.hpp"
#include "server/db/db_pool.hpp"
#include "server/http/client_address.hpp"
#include "server/work/worker_pool.hpp"

namespace argosy::server {
namespace {

std::string hash_of(std::string_view secret) {
  return sha256(as_bytes(secret)).to_hex();
}

struct HashPassword {
  std::string password;
  Result<std::string> operator()() const { return hash_password(password); }
};

struct Verdict {
  bool good = false;
  std::optional<std::string> rehashed;
};

// An account that does not exist costs as much time as one that does.
struct CheckPassword {
  std::string encoded;
  std::string password;
  Result<Verdict> operator()() const {
    if (encoded.empty()) {
      ARGOSY_CHECK(hash_password(password));
      return Verdict{};
    }
    ARGOSY_TRY(const bool good, verify_password(encoded, password));
    Verdict verdict{good, std::nullopt};
    if (good && needs_rehash(encoded)) {
      ARGOSY_TRY(verdict.rehashed, hash_password(password));
    }
    return verdict;
  }
};

Error wrong_login() {
  return make_error(Errc::unauthenticated, "the name or the password is wrong");
}

Principal as_principal(const LinkHolder& holder) {
  return {.kind = Principal::Kind::user, .name = holder.name, .role = holder.role};
}

constexpr Duration desk_pause{1'000};  // to come back after when the desk is full

Error too_many_tries(Duration wait) {
  return make_error(Errc::rate_limited,
                    "too many tries; wait " + std::to_string((wait.count() + 999) / 1000) + " seconds");
}

}  // namespace

AccessService::AccessService(DbPool& db, WorkerPool& worker, AccessOptions options)
    : db_(db),
      worker_(worker),
      options_(options),
      limiter_(options.limiter),
      failures_(options.failures),
      desk_(worker, options.hashing_limit) {}

// Counts a try and waits as long as it must; an error when it may not be made.
Task<Result<void>> AccessService::admit(Try attempt, Instant now, Duration& retry_after) {
  const auto verdict = limiter_.take(attempt.account, attempt.address, now);
  retry_after = verdict.wait;
  if (verdict.wait > Duration::zero()) {
    ++limited_;
    co_return too_many_tries(verdict.wait);
  }
  if (verdict.delay == Duration::zero()) co_return Result<void>{};
  if (delayed_ >= options_.delayed_limit) {
    ++limited_;
    limiter_.give_back(attempt.account, attempt.address);
    retry_after = verdict.delay;
    co_return too_many_tries(verdict.delay);
  }
  ++delayed_;
  const auto io = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer pause(io, verdict.delay);
  co_await pause.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  --delayed_;
  co_return Result<void>{};
}

// In the log at once, in the audit log as its bounds allow. A failure to write it down does not let anybody in.
Task<void> AccessService::note_failure(Try attempt, std::string reason, Instant now) {
  ++failed_;
  spdlog::warn("a sign-in as '{}' from {} failed: {}", attempt.account, attempt.address, reason);
  if (!failures_.add(attempt.account, attempt.address, now)) co_return;
  auto writing = db_.transact(AppendFailedLogins{{{attempt.account, attempt.address, 1}}, std::move(reason)});
  const auto written = co_await std::move(writing);
  if (!written) spdlog::warn("a failed sign-in is not in the audit log: {}", written.error().message);
}

Task<Result<void>> AccessService::write_failures(Instant now) {
  auto counts = failures_.drain(now);
  if (counts.empty()) co_return Result<void>{};
  co_return co_await db_.transact<AppendFailedLogins>(std::move(counts), "more of the same minute");
}

Task<Result<SignedIn>> AccessService::login(std::string name, std::string password, Door door, Instant now,
                                            Duration& retry_after) {
  const Try attempt{check_account_name(name) ? name : "?", address_group(door.address)};
  ARGOSY_CO_CHECK(co_await admit(attempt, now, retry_after));
  std::optional<LoginRecord> record;
  if (attempt.account == name && !password.empty() && password.size() <= max_password_bytes) {
    ARGOSY_CO_TRY(record, co_await db_.transact<FindLogin>(name));
  } else {
    password = "x";  // costs as much as a real one
  }
  const std::string known_hash = record ? record->password_hash : "";
  const auto verdict = co_await desk_.run<CheckPassword>(attempt.address, known_hash, password);
  if (!verdict) {
    limiter_.give_back(attempt.account, attempt.address);
    if (verdict.error().code == Errc::rate_limited) retry_after = desk_pause;
    co_return verdict.error();
  }
  if (!verdict->good) {
    const std::string reason = record ? "wrong password" : "no such account";
    co_await note_failure(attempt, reason, now);
    co_return wrong_login();
  }
  limiter_.succeeded(attempt.account, attempt.address, now);
  SignedIn signed_in;
  signed_in.cookie_token = random_token();
  CreateSession create{{hash_of(signed_in.cookie_token), random_token(), now, now + options_.session_life, {}},
                       record->user_id,
                       record->password_hash,
                       verdict->rehashed};
  if (!door.cookie_token.empty()) create.session.replaces = hash_of(door.cookie_token);
  ARGOSY_CO_TRY(signed_in.session, co_await db_.transact(std::move(create)));
  co_return signed_in;
}

Task<Result<SignedIn>> AccessService::login_by_link(LinkUse link, Door door, Instant now, Duration& retry_after) {
  if (link.password) ARGOSY_CO_CHECK(check_new_password(*link.password));
  const std::string link_hash = hash_of(link.token);
  ARGOSY_CO_TRY(const auto holder, co_await db_.transact<FindLoginLink>(link_hash, now));
  if (!holder) {
    const std::string address = address_group(door.address);
    retry_after = limiter_.fail(address, now);
    if (retry_after > Duration::zero()) {
      ++limited_;
      co_return too_many_tries(retry_after);
    }
    auto noting = note_failure({"?", address}, "no such link, or used, or expired", now);
    co_await std::move(noting);
  }
  if (holder && link.needs) ARGOSY_CO_CHECK(authorize(*link.needs, as_principal(*holder)));
  UseLoginLink use{link_hash, std::nullopt, {}};
  if (holder && link.password) {  // beside the desk: at most one a link
    ARGOSY_CO_TRY(use.password_hash, co_await worker_.run<HashPassword>(*link.password));
  }
  SignedIn signed_in;
  signed_in.cookie_token = random_token();
  use.session = {hash_of(signed_in.cookie_token), random_token(), now, now + options_.session_life, {}};
  if (!door.cookie_token.empty()) use.session.replaces = hash_of(door.cookie_token);
  ARGOSY_CO_TRY(signed_in.session, co_await db_.transact(std::move(use)));
  co_return signed_in;
}

Task<Result<void>> AccessService::logout(std::string cookie_token) {
  co_return co_await db_.transact<EndSession>(hash_of(cookie_token));
}

Task<Result<void>> AccessService::logout_everywhere(std::int64_t user_id, std::string actor) {
  co_return co_await db_.transact<EndAllSessions>(user_id, std::move(actor));
}

Task<Result<std::string>> AccessService::change_password(Session session, std::optional<std::string> current,
                                                         std::string password, std::string address, Instant now) {
  ARGOSY_CO_CHECK(check_new_password(password));
  ARGOSY_CO_TRY(const auto record, co_await db_.transact<FindLogin>(session.user));
  if (!record) co_return make_error(Errc::unauthenticated, "this account is disabled");
  const Try attempt{session.user, address_group(address)};
  if (!record->password_hash.empty()) {
    Duration wait{};
    ARGOSY_CO_CHECK(co_await admit(attempt, now, wait));
    const auto verdict =
        co_await desk_.run<CheckPassword>(attempt.address, record->password_hash, current.value_or(""));
    if (!verdict) {
      limiter_.give_back(attempt.account, attempt.address);
      co_return verdict.error();
    }
    if (!verdict->good) {
      co_await note_failure(attempt, "wrong current password when changing it", now);
      co_return make_error(Errc::forbidden, "field 'current' is not your current password");
    }
    limiter_.succeeded(attempt.account, attempt.address, now);
  }
  ARGOSY_CO_TRY(const std::string hash, co_await desk_.run<HashPassword>(attempt.address, password));
  const std::string cookie_token = random_token();
  ARGOSY_CO_CHECK(co_await db_.transact<ChangePassword>(session.user_id, hash, record->password_hash, session.id,
                                                        hash_of(cookie_token), "user:" + session.user));
  co_return cookie_token;
}

Task<Result<std::optional<Session>>> AccessService::find_session(std::string cookie_token, Instant now, bool prolongs) {
  auto finding =
      db_.transact(FindSession{hash_of(cookie_token), now, {options_.session_life, options_.absolute_life}, prolongs});
  co_return co_await std::move(finding);
}

Task<Result<std::optional<ApiToken>>> AccessService::find_token(std::string secret, Instant now) {
  co_return co_await db_.transact<FindToken>(hash_of(secret), now);
}

Task<Result<std::vector<User>>> AccessService::list_users() {
  co_return co_await db_.transact<ListUsers>();
}

Task<Result<NewUser>> AccessService::create_user(std::string name, Role role, std::optional<std::string> password,
                                                 Maker maker, Instant now) {
  ARGOSY_CO_CHECK(check_account_name(name));
  NewUser created;
  CreateUser create{name, role, std::nullopt, std::nullopt, now + options_.link_life, maker};
  if (password) {
    ARGOSY_CO_CHECK(check_new_password(*password));
    ARGOSY_CO_TRY(create.password_hash, co_await desk_.run<HashPassword>(maker.actor, *password));
  } else {
    created.link_token = random_token();
    create.link_hash = hash_of(created.link_token);
  }
  ARGOSY_CO_TRY(created.user, co_await db_.transact(std::move(create)));
  co_return created;
}

Task<Result<NewUser>> AccessService::change_user(std::int64_t id, UserChange change, Maker maker, Instant now) {
  NewUser changed;
  ChangeUser work{id, change.role, change.disabled, std::nullopt, now + options_.link_life, now, maker};
  if (change.new_link) {
    changed.link_token = random_token();
    work.link_hash = hash_of(changed.link_token);
  }
  ARGOSY_CO_TRY(changed.user, co_await db_.transact(std::move(work)));
  co_return changed;
}

Task<Result<std::vector<ApiToken>>> AccessService::list_tokens() {
  co_return co_await db_.transact<ListTokens>();
}

Task<Result<NewToken>> AccessService::create_token(std::string name, Role role, std::optional<Duration> life,
                                                   Maker maker, Instant now) {
  ARGOSY_CO_CHECK(check_account_name(name));
  NewToken created;
  created.secret = std::string(token_prefix) + random_token();
  const auto expires_at = life ? std::optional(now + *life) : std::nullopt;
  ARGOSY_CO_TRY(created.token,
                co_await db_.transact<CreateToken>(name, role, hash_of(created.secret), expires_at, std::move(maker)));
  co_return created;
}

Task<Result<void>> AccessService::revoke_token(std::int64_t id, std::string actor, Instant now) {
  co_return co_await db_.transact<RevokeToken>(id, now, actor);
}

Task<Result<std::string>> AccessService::make_admin_link(bool only_if_no_users, Instant now) {
  const std::string token = random_token();
  ARGOSY_CO_TRY(const std::string user,
                co_await db_.transact<MakeAdminLink>(hash_of(token), now + options_.link_life, only_if_no_users));
  co_return user.empty() ? std::string() : token;
}

Task<Result<void>> AccessService::tick(Instant now) {
  co_return co_await db_.transact<ForgetExpired>(now, options_.absolute_life);
}

void add_metrics(Metrics& metrics, const AccessService& access) {
  metrics.sampled_counter("argosy_logins_failed_total", "Wrong passwords and links",
                          [&access] { return access.counters().failed; });
  metrics.sampled_counter("argosy_logins_limited_total", "Tries to sign in refused for their number",
                          [&access] { return access.counters().limited; });
  metrics.sampled_counter("argosy_logins_desk_full_total", "Passwords not checked because too many waited",
                          [&access] { return access.counters().desk_full; });
  metrics.sampled_gauge("argosy_logins_waiting", "Passwords that wait to be checked",
                        [&access] { return access.counters().hashing_waits; });
}

}  // namespace argosy::server
