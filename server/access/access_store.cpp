#include "server/access/access_store.hpp"

#include <nlohmann/json.hpp>

#include "server/journal/journal_store.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr const char* user_columns =
    "id, name, role, password_hash is not null, (extract(epoch from created_at) * 1000)::bigint, "
    "(extract(epoch from disabled_at) * 1000)::bigint";
constexpr const char* token_columns =
    "id, name, role, created_by, (extract(epoch from created_at) * 1000)::bigint, "
    "(extract(epoch from expires_at) * 1000)::bigint, (extract(epoch from revoked_at) * 1000)::bigint, "
    "(extract(epoch from last_used_at) * 1000)::bigint";

Role role_of(const pqxx::field& field) {
  return parse_role(field.as<std::string>()).value();
}

Instant instant_of(const pqxx::field& field) {
  return instant_from_ms(field.as<std::int64_t>());
}

std::optional<Instant> optional_instant(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return instant_of(field);
}

User user_of(const pqxx::row& row) {
  return {row[0].as<std::int64_t>(), row[1].as<std::string>(), role_of(row[2]),
          row[3].as<bool>(),         instant_of(row[4]),       optional_instant(row[5])};
}

ApiToken token_of(const pqxx::row& row) {
  return {row[0].as<std::int64_t>(), row[1].as<std::string>(), role_of(row[2]),          row[3].as<std::string>(),
          instant_of(row[4]),        optional_instant(row[5]), optional_instant(row[6]), optional_instant(row[7])};
}

std::string text(Role role) {
  return std::string(to_string(role));
}

void insert_link(pqxx::work& transaction, std::int64_t user_id, const std::string& hash, Instant expires_at) {
  transaction.exec_params(
      "insert into login_links (token_hash, user_id, expires_at) values (decode($1, 'hex'), $2, $3::timestamptz)", hash,
      user_id, to_rfc3339(expires_at));
}

bool an_admin_is_left(pqxx::work& transaction) {
  return transaction.exec1("select exists (select from users where role = 'admin' and disabled_at is null)")[0]
      .as<bool>();
}

}  // namespace

std::optional<Session> FindSession::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      "select u.id, u.name, u.role, s.csrf, s.expires_at < $3::timestamptz from sessions s join users u on u.id = "
      "s.user_id "
      "where s.token_hash = decode($1, 'hex') and s.expires_at > $2::timestamptz and u.disabled_at is null",
      token_hash, to_rfc3339(now), to_rfc3339(now + life / 2));
  if (rows.empty()) return std::nullopt;
  const auto row = rows[0];
  if (row[4].as<bool>()) {
    transaction.exec_params("update sessions set expires_at = $2::timestamptz where token_hash = decode($1, 'hex')",
                            token_hash, to_rfc3339(now + life));
  }
  return Session{row[0].as<std::int64_t>(), row[1].as<std::string>(), role_of(row[2]), row[3].as<std::string>()};
}

std::optional<ApiToken> FindToken::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      std::string("select ") + token_columns +
          ", coalesce(last_used_at < $2::timestamptz - interval '1 minute', true) from api_tokens "
          "where token_hash = decode($1, 'hex') and revoked_at is null "
          "and (expires_at is null or expires_at > $2::timestamptz)",
      token_hash, to_rfc3339(now));
  if (rows.empty()) return std::nullopt;
  ApiToken token = token_of(rows[0]);
  if (rows[0][8].as<bool>()) {
    transaction.exec_params("update api_tokens set last_used_at = $2::timestamptz where id = $1", token.id,
                            to_rfc3339(now));
  }
  return token;
}

std::optional<LoginRecord> FindLogin::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      "select id, role, coalesce(password_hash, '') from users where name = $1 and disabled_at is null", name);
  if (rows.empty()) return std::nullopt;
  return LoginRecord{rows[0][0].as<std::int64_t>(), role_of(rows[0][1]), rows[0][2].as<std::string>()};
}

Session CreateSession::operator()(pqxx::work& transaction) const {
  if (new_password_hash) {
    transaction.exec_params("update users set password_hash = $2 where id = $1", user_id, *new_password_hash);
  }
  transaction.exec_params(
      "insert into sessions (token_hash, user_id, csrf, expires_at) values (decode($1, 'hex'), $2, $3, "
      "$4::timestamptz)",
      token_hash, user_id, csrf, to_rfc3339(expires_at));
  const auto row = transaction.exec_params1("select name, role from users where id = $1", user_id);
  return {user_id, row[0].as<std::string>(), role_of(row[1]), csrf};
}

void EndSession::operator()(pqxx::work& transaction) const {
  transaction.exec_params("delete from sessions where token_hash = decode($1, 'hex')", token_hash);
}

Result<Session> UseLoginLink::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      "update login_links l set used_at = $2::timestamptz from users u where l.token_hash = decode($1, 'hex') "
      "and l.used_at is null and l.expires_at > $2::timestamptz and u.id = l.user_id and u.disabled_at is null "
      "returning u.id, u.name",
      link_hash, to_rfc3339(now));
  if (rows.empty()) {
    return make_error(Errc::unauthenticated,
                      "this link was used or has expired; ask an admin for a new one, or run argosyd --admin-link");
  }
  CreateSession create = session;
  create.user_id = rows[0][0].as<std::int64_t>();
  create.new_password_hash = password_hash;
  const std::string name = rows[0][1].as<std::string>();
  append_audit(transaction, "user:" + name, "user.link_used", "user/" + name);
  return create(transaction);
}

void ChangePassword::operator()(pqxx::work& transaction) const {
  transaction.exec_params("update users set password_hash = $2 where id = $1", user_id, password_hash);
  transaction.exec_params("delete from sessions where user_id = $1 and token_hash <> decode($2, 'hex')", user_id,
                          kept_session);
  append_audit(transaction, actor, "user.password", "user/" + std::to_string(user_id));
}

std::vector<User> ListUsers::operator()(pqxx::work& transaction) const {
  std::vector<User> users;
  for (const auto& row :
       transaction.exec(std::string("select ") + user_columns + " from users order by name limit 1000")) {
    users.push_back(user_of(row));
  }
  return users;
}

Result<User> CreateUser::operator()(pqxx::work& transaction) const {
  const auto rows =
      transaction.exec_params(std::string("insert into users (name, role, password_hash) values ($1, $2, $3) "
                                          "on conflict (name) do nothing returning ") +
                                  user_columns,
                              name, text(role), password_hash);
  if (rows.empty()) return make_error(Errc::conflict, "there is a user '" + name + "' already");
  const User user = user_of(rows[0]);
  if (link_hash) insert_link(transaction, user.id, *link_hash, link_expires_at);
  append_audit(transaction, actor, "user.create", "user/" + name, json{{"role", text(role)}}.dump());
  return user;
}

Result<User> ChangeUser::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      std::string(
          "update users set role = coalesce($2, role), disabled_at = case when $3::boolean is null then disabled_at "
          "when $3::boolean then coalesce(disabled_at, $4::timestamptz) else null end where id = $1 returning ") +
          user_columns,
      id, role ? std::optional(text(*role)) : std::nullopt, disabled, to_rfc3339(now));
  if (rows.empty()) return make_error(Errc::not_found, "there is no user " + std::to_string(id));
  const User user = user_of(rows[0]);
  if (!an_admin_is_left(transaction)) {
    return make_error(Errc::conflict, "'" + user.name + "' is the last admin; make another one first");
  }
  if (disabled.value_or(false)) transaction.exec_params("delete from sessions where user_id = $1", id);
  if (link_hash) insert_link(transaction, id, *link_hash, link_expires_at);
  json details{{"link", link_hash.has_value()}};
  if (role) details["role"] = text(*role);
  if (disabled) details["disabled"] = *disabled;
  append_audit(transaction, actor, "user.change", "user/" + user.name, details.dump());
  return user;
}

std::string MakeAdminLink::operator()(pqxx::work& transaction) const {
  transaction.exec("lock table users in share row exclusive mode");  // two instances that start at once make one admin
  if (only_if_no_users && transaction.exec1("select exists (select from users)")[0].as<bool>()) return {};
  auto rows =
      transaction.exec("select id, name from users where role = 'admin' and disabled_at is null order by id limit 1");
  if (rows.empty()) {
    rows = transaction.exec(
        "insert into users (name, role) values ('admin', 'admin') "
        "on conflict (name) do update set role = 'admin', disabled_at = null returning id, name");
  }
  insert_link(transaction, rows[0][0].as<std::int64_t>(), link_hash, expires_at);
  const std::string name = rows[0][1].as<std::string>();
  append_audit(transaction, "argosyd", "user.admin_link", "user/" + name);
  return name;
}

std::vector<ApiToken> ListTokens::operator()(pqxx::work& transaction) const {
  std::vector<ApiToken> tokens;
  const auto rows =
      transaction.exec(std::string("select ") + token_columns + " from api_tokens order by id desc limit 1000");
  for (const auto& row : rows) tokens.push_back(token_of(row));
  return tokens;
}

ApiToken CreateToken::operator()(pqxx::work& transaction) const {
  const auto row = transaction.exec_params1(
      std::string("insert into api_tokens (name, role, token_hash, created_by, expires_at) "
                  "values ($1, $2, decode($3, 'hex'), $4, $5::timestamptz) returning ") +
          token_columns,
      name, text(role), token_hash, actor, expires_at ? std::optional(to_rfc3339(*expires_at)) : std::nullopt);
  ApiToken token = token_of(row);
  append_audit(transaction, actor, "token.create", "token/" + std::to_string(token.id),
               json{{"name", name}, {"role", text(role)}}.dump());
  return token;
}

Result<void> RevokeToken::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      "update api_tokens set revoked_at = coalesce(revoked_at, $2::timestamptz) where id = $1 returning name", id,
      to_rfc3339(now));
  if (rows.empty()) return make_error(Errc::not_found, "there is no token " + std::to_string(id));
  append_audit(transaction, actor, "token.revoke", "token/" + std::to_string(id),
               json{{"name", rows[0][0].as<std::string>()}}.dump());
  return {};
}

void ForgetExpired::operator()(pqxx::work& transaction) const {
  const std::string at = to_rfc3339(now);
  transaction.exec_params("delete from sessions where expires_at < $1::timestamptz", at);
  transaction.exec_params("delete from login_links where expires_at < $1::timestamptz - interval '7 days'", at);
  transaction.exec_params("delete from idempotency_keys where created_at < $1::timestamptz - interval '1 day'", at);
}

}  // namespace argosy::server
