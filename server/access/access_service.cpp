#include "server/access/access_service.hpp"

#include "common/crypto/digest.hpp"
#include "common/crypto/password.hpp"
#include "common/crypto/token.hpp"
#include "server/access/access_store.hpp"
#include "server/db/db_pool.hpp"
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

}  // namespace

AccessService::AccessService(DbPool& db, WorkerPool& worker, AccessOptions options)
    : db_(db), worker_(worker), options_(options), limiter_(options.limiter) {}

Result<void> AccessService::count_try(const std::string& account, const std::string& address, Instant now,
                                      Duration& retry_after) {
  retry_after = std::max(limiter_.take("account " + account, now), limiter_.take("address " + address, now));
  if (retry_after == Duration::zero()) return {};
  return make_error(Errc::rate_limited,
                    "too many tries; wait " + std::to_string((retry_after.count() + 999) / 1000) + " seconds");
}

Task<Result<SignedIn>> AccessService::login(std::string name, std::string password, std::string address, Instant now,
                                            Duration& retry_after) {
  ARGOSY_CO_CHECK(count_try(name, address, now, retry_after));
  if (!check_account_name(name) || password.empty() || password.size() > max_password_bytes) co_return wrong_login();
  auto finding = db_.transact(FindLogin{name});
  ARGOSY_CO_TRY(const auto record, co_await std::move(finding));
  auto checking = worker_.run(CheckPassword{record ? record->password_hash : "", password});
  ARGOSY_CO_TRY(const Verdict verdict, co_await std::move(checking));
  if (!verdict.good) co_return wrong_login();
  limiter_.forget("account " + name);
  limiter_.forget("address " + address);
  SignedIn signed_in;
  signed_in.cookie_token = random_token();
  auto creating = db_.transact(CreateSession{record->user_id, hash_of(signed_in.cookie_token), random_token(),
                                             now + options_.session_life, verdict.rehashed});
  ARGOSY_CO_TRY(signed_in.session, co_await std::move(creating));
  co_return signed_in;
}

Task<Result<SignedIn>> AccessService::login_by_link(std::string token, std::optional<std::string> password,
                                                    std::string address, Instant now, Duration& retry_after) {
  ARGOSY_CO_CHECK(count_try("link", address, now, retry_after));
  limiter_.forget("account link");  // only the address counts: a link has no account to protect
  UseLoginLink use{hash_of(token), std::nullopt, {}, now};
  if (password) {
    ARGOSY_CO_CHECK(check_new_password(*password));
    auto hashing = worker_.run(HashPassword{*password});
    ARGOSY_CO_TRY(use.password_hash, co_await std::move(hashing));
  }
  SignedIn signed_in;
  signed_in.cookie_token = random_token();
  use.session = {0, hash_of(signed_in.cookie_token), random_token(), now + options_.session_life, std::nullopt};
  auto using_it = db_.transact(std::move(use));
  ARGOSY_CO_TRY(signed_in.session, co_await std::move(using_it));
  limiter_.forget("address " + address);
  co_return signed_in;
}

Task<Result<void>> AccessService::logout(std::string cookie_token) {
  auto ending = db_.transact(EndSession{hash_of(cookie_token)});
  auto outcome = co_await std::move(ending);
  co_return outcome;
}

Task<Result<void>> AccessService::change_password(Session session, std::string cookie_token,
                                                  std::optional<std::string> current, std::string password) {
  ARGOSY_CO_CHECK(check_new_password(password));
  auto finding = db_.transact(FindLogin{session.user});
  ARGOSY_CO_TRY(const auto record, co_await std::move(finding));
  if (!record) co_return make_error(Errc::unauthenticated, "this account is disabled");
  if (!record->password_hash.empty()) {
    auto checking = worker_.run(CheckPassword{record->password_hash, current.value_or("")});
    ARGOSY_CO_TRY(const Verdict verdict, co_await std::move(checking));
    if (!verdict.good) co_return make_error(Errc::forbidden, "field 'current' is not the present password");
  }
  auto hashing = worker_.run(HashPassword{password});
  ARGOSY_CO_TRY(const std::string hash, co_await std::move(hashing));
  auto changing = db_.transact(ChangePassword{session.user_id, hash, hash_of(cookie_token), "user:" + session.user});
  auto outcome = co_await std::move(changing);
  co_return outcome;
}

Task<Result<std::optional<Session>>> AccessService::find_session(std::string cookie_token, Instant now) {
  auto finding = db_.transact(FindSession{hash_of(cookie_token), now, options_.session_life});
  auto found = co_await std::move(finding);
  co_return found;
}

Task<Result<std::optional<ApiToken>>> AccessService::find_token(std::string secret, Instant now) {
  auto finding = db_.transact(FindToken{hash_of(secret), now});
  auto found = co_await std::move(finding);
  co_return found;
}

Task<Result<std::vector<User>>> AccessService::list_users() {
  auto listing = db_.transact(ListUsers{});
  auto users = co_await std::move(listing);
  co_return users;
}

Task<Result<NewUser>> AccessService::create_user(std::string name, Role role, std::optional<std::string> password,
                                                 std::string actor, Instant now) {
  ARGOSY_CO_CHECK(check_account_name(name));
  NewUser created;
  CreateUser create{name, role, std::nullopt, std::nullopt, now + options_.link_life, actor};
  if (password) {
    ARGOSY_CO_CHECK(check_new_password(*password));
    auto hashing = worker_.run(HashPassword{*password});
    ARGOSY_CO_TRY(create.password_hash, co_await std::move(hashing));
  } else {
    created.link_token = random_token();
    create.link_hash = hash_of(created.link_token);
  }
  auto creating = db_.transact(std::move(create));
  ARGOSY_CO_TRY(created.user, co_await std::move(creating));
  co_return created;
}

Task<Result<NewUser>> AccessService::change_user(std::int64_t id, UserChange change, std::string actor, Instant now) {
  NewUser changed;
  ChangeUser work{id, change.role, change.disabled, std::nullopt, now + options_.link_life, now, actor};
  if (change.new_link) {
    changed.link_token = random_token();
    work.link_hash = hash_of(changed.link_token);
  }
  auto changing = db_.transact(std::move(work));
  ARGOSY_CO_TRY(changed.user, co_await std::move(changing));
  co_return changed;
}

Task<Result<std::vector<ApiToken>>> AccessService::list_tokens() {
  auto listing = db_.transact(ListTokens{});
  auto tokens = co_await std::move(listing);
  co_return tokens;
}

Task<Result<NewToken>> AccessService::create_token(std::string name, Role role, std::optional<Duration> life,
                                                   std::string actor, Instant now) {
  ARGOSY_CO_CHECK(check_account_name(name));
  NewToken created;
  created.secret = std::string(token_prefix) + random_token();
  const auto expires_at = life ? std::optional(now + *life) : std::nullopt;
  auto creating = db_.transact(CreateToken{name, role, hash_of(created.secret), expires_at, actor});
  ARGOSY_CO_TRY(created.token, co_await std::move(creating));
  co_return created;
}

Task<Result<void>> AccessService::revoke_token(std::int64_t id, std::string actor, Instant now) {
  auto revoking = db_.transact(RevokeToken{id, now, actor});
  auto outcome = co_await std::move(revoking);
  co_return outcome;
}

Task<Result<std::string>> AccessService::make_admin_link(bool only_if_no_users, Instant now) {
  const std::string token = random_token();
  auto making = db_.transact(MakeAdminLink{hash_of(token), now + options_.link_life, only_if_no_users});
  ARGOSY_CO_TRY(const std::string user, co_await std::move(making));
  co_return user.empty() ? std::string() : token;
}

Task<Result<void>> AccessService::tick(Instant now) {
  auto forgetting = db_.transact(ForgetExpired{now});
  auto outcome = co_await std::move(forgetting);
  co_return outcome;
}

}  // namespace argosy::server
