#include "server/access/access_store.hpp"

#include <nlohmann/json.hpp>

#include "server/access/token_store.hpp"
#include "server/db/rows.hpp"
#include "server/db/statement.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr const char* user_columns =
    "id, name, role, password_hash is not null as has_password, created_at, disabled_at";

User user_of(const pqxx::row& row) {
  return {row["id"].as<std::int64_t>(),   row["name"].as<std::string>(),   enum_of(row["role"], parse_role),
          row["has_password"].as<bool>(), row["created_at"].as<Instant>(), optional_of<Instant>(row["disabled_at"])};
}

std::string text(Role role) {
  return std::string(to_string(role));
}

// One link a person at a time: a new one ends those before.
void insert_link(pqxx::work& transaction, std::int64_t user_id, const std::string& hash, Instant expires_at,
                 const Maker& maker) {
  transaction.exec_params("delete from login_links where user_id = $1 and used_at is null", user_id);
  transaction.exec_params(
      R"sql(
        insert into login_links (token_hash, user_id, expires_at, maker_id, maker_token_id)
        values (decode($1, 'hex'), $2, $3::timestamptz, $4, $5)
      )sql",
      hash, user_id, expires_at, maker.user_id, maker.token_id);
}

bool an_admin_is_left(pqxx::work& transaction) {
  return transaction.exec1("select exists (select from users where role = 'admin' and disabled_at is null)")[0]
      .as<bool>();
}

// Sessions of the person (but for one), and unused links: to the person, and those that the person made for others.
void end_sessions_and_links(pqxx::work& transaction, std::int64_t user_id, const std::string& kept_session = "") {
  transaction.exec_params("delete from sessions where user_id = $1 and token_hash <> decode($2, 'hex')", user_id,
                          kept_session);
  transaction.exec_params("delete from login_links where used_at is null and (user_id = $1 or maker_id = $1)", user_id);
}

Session insert_session(pqxx::work& transaction, std::int64_t user_id, const NewSession& session) {
  if (!session.replaces.empty()) {
    transaction.exec_params("delete from sessions where token_hash = decode($1, 'hex')", session.replaces);
  }
  transaction.exec_params(
      R"sql(
        insert into sessions (token_hash, user_id, csrf, created_at, expires_at)
        values (decode($1, 'hex'), $2, $3, $4::timestamptz, $5::timestamptz)
      )sql",
      session.token_hash, user_id, session.csrf, session.now, session.expires_at);
  const auto row = transaction.exec_params1("select name, role from users where id = $1", user_id);
  return {session.token_hash, user_id, row[0].as<std::string>(), enum_of(row[1], parse_role), session.csrf};
}

struct Before {  // of a user who is about to change
  Role role = Role::viewer;
  bool disabled = false;
  bool has_password = false;
};

std::optional<Before> lock_user(pqxx::work& transaction, std::int64_t id) {
  const auto rows = transaction.exec_params(
      R"sql(
        select role, disabled_at is not null as is_disabled, password_hash is not null as has_password
        from users
        where id = $1
        for update
      )sql",
      id);
  if (rows.empty()) return std::nullopt;
  return Before{enum_of(rows[0]["role"], parse_role), rows[0]["is_disabled"].as<bool>(),
                rows[0]["has_password"].as<bool>()};
}

}  // namespace

std::optional<Session> FindSession::operator()(pqxx::work& transaction) const {
  static const Statement find_session{"find_session", R"sql(
    select u.id, u.name, u.role, s.csrf,
      s.expires_at < least($3::timestamptz, s.created_at + $4 * interval '1 millisecond') as is_half_over
    from sessions s
    join users u on u.id = s.user_id
    where s.token_hash = decode($1, 'hex')
      and s.expires_at > $2::timestamptz
      and s.created_at + $4 * interval '1 millisecond' > $2::timestamptz
      and u.disabled_at is null
  )sql"};
  const auto rows =
      exec_prepared(transaction, find_session, token_hash, now, now + lives.sliding / 2, lives.absolute.count());
  if (rows.empty()) return std::nullopt;
  const auto row = rows[0];
  if (prolongs && row["is_half_over"].as<bool>()) {
    transaction.exec_params(
        R"sql(
          update sessions
          set expires_at = least($2::timestamptz, created_at + $3 * interval '1 millisecond')
          where token_hash = decode($1, 'hex')
        )sql",
        token_hash, now + lives.sliding, lives.absolute.count());
  }
  return Session{token_hash, row["id"].as<std::int64_t>(), row["name"].as<std::string>(),
                 enum_of(row["role"], parse_role), row["csrf"].as<std::string>()};
}

std::optional<LoginRecord> FindLogin::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      R"sql(
        select id, role, coalesce(password_hash, '') as password_hash
        from users
        where name = $1 and disabled_at is null
      )sql",
      name);
  if (rows.empty()) return std::nullopt;
  return LoginRecord{rows[0]["id"].as<std::int64_t>(), enum_of(rows[0]["role"], parse_role),
                     rows[0]["password_hash"].as<std::string>()};
}

Result<Session> CreateSession::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      "select name from users where id = $1 and disabled_at is null and password_hash = $2 for share", user_id,
      checked_password_hash);
  if (rows.empty()) return make_error(Errc::unauthenticated, "the account has changed just now; sign in again");
  if (new_password_hash) {
    transaction.exec_params("update users set password_hash = $2 where id = $1", user_id, *new_password_hash);
  }
  const std::string name = rows[0][0].as<std::string>();
  append_audit(transaction, "user:" + name, "user.login", "user/" + name);
  return insert_session(transaction, user_id, session);
}

void EndSession::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      R"sql(
        delete from sessions s
        using users u
        where s.token_hash = decode($1, 'hex') and u.id = s.user_id
        returning u.name
      )sql",
      token_hash);
  if (rows.empty()) return;
  const std::string name = rows[0][0].as<std::string>();
  append_audit(transaction, "user:" + name, "user.logout", "user/" + name);
}

void EndAllSessions::operator()(pqxx::work& transaction) const {
  end_sessions_and_links(transaction, user_id);
  append_audit(transaction, actor, "user.logout_everywhere", "user/" + actor.substr(actor.find(':') + 1));
}

namespace {

// Of a link that is not used up, and whose maker may still make one. The server's own have no maker.
constexpr const char* good_link = R"sql(
  l.token_hash = decode($1, 'hex') and l.used_at is null and l.expires_at > $2::timestamptz
  and u.id = l.user_id and u.disabled_at is null
  and (l.maker_id is null or exists (
    select from users m where m.id = l.maker_id and m.role = 'admin' and m.disabled_at is null
  ))
  and (l.maker_token_id is null or exists (
    select
    from api_tokens t
    left join users m on m.id = t.maker_id
    where t.id = l.maker_token_id and t.revoked_at is null and m.disabled_at is null
      and coalesce(m.role, 'admin') = 'admin'
  ))
)sql";

}  // namespace

std::optional<LinkHolder> FindLoginLink::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      std::string("select u.name, u.role from login_links l, users u where") + good_link, link_hash, now);
  if (rows.empty()) return std::nullopt;
  return LinkHolder{rows[0]["name"].as<std::string>(), enum_of(rows[0]["role"], parse_role)};
}

Result<Session> UseLoginLink::operator()(pqxx::work& transaction) const {
  const auto rows =
      transaction.exec_params(std::string("update login_links l set used_at = $2::timestamptz from users u where") +
                                  good_link + "returning u.id, u.name, u.password_hash is not null as has_password",
                              link_hash, session.now);
  if (rows.empty()) {
    return make_error(Errc::unauthenticated,
                      "this link was used or has expired; ask an admin for a new one, or run argosyd --admin-link");
  }
  const auto user_id = rows[0]["id"].as<std::int64_t>();
  const std::string name = rows[0]["name"].as<std::string>();
  json details = json::object();
  if (password_hash) {
    const bool is_reset = rows[0]["has_password"].as<bool>();
    transaction.exec_params("update users set password_hash = $2 where id = $1", user_id, *password_hash);
    end_sessions_and_links(transaction, user_id);
    details["password"] = is_reset ? "reset" : "set";
    if (is_reset) details["tokens_ended"] = revoke_tokens_of(transaction, user_id);
  }
  append_audit(transaction, "user:" + name, "user.link_used", "user/" + name, details.dump());
  return insert_session(transaction, user_id, session);
}

Result<void> ChangePassword::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      R"sql(
        update users
        set password_hash = $2
        where id = $1 and disabled_at is null and coalesce(password_hash, '') = $3
        returning name
      )sql",
      user_id, password_hash, checked_password_hash);
  if (rows.empty()) return make_error(Errc::unauthenticated, "the account has changed just now; sign in again");
  const auto kept =
      transaction.exec_params("update sessions set token_hash = decode($2, 'hex') where token_hash = decode($1, 'hex')",
                              kept_session, rotated_token);
  if (kept.affected_rows() == 0) return make_error(Errc::unauthenticated, "the session has ended; sign in again");
  end_sessions_and_links(transaction, user_id, rotated_token);
  append_audit(transaction, actor, "user.password", "user/" + rows[0][0].as<std::string>());
  return {};
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
  const std::string sql = R"sql(
    insert into users (name, role, password_hash)
    values ($1, $2, $3)
    on conflict (name) do nothing
    returning )sql" + std::string(user_columns);
  const auto rows = transaction.exec_params(sql, name, text(role), password_hash);
  if (rows.empty()) return make_error(Errc::conflict, "there is a user '" + name + "' already");
  const User user = user_of(rows[0]);
  if (link_hash) insert_link(transaction, user.id, *link_hash, link_expires_at, maker);
  append_audit(transaction, maker.actor, "user.create", "user/" + name, json{{"role", text(role)}}.dump());
  return user;
}

Result<User> ChangeUser::operator()(pqxx::work& transaction) const {
  const auto before = lock_user(transaction, id);
  if (!before) return make_error(Errc::not_found, "there is no user " + std::to_string(id));
  const std::string sql = R"sql(
    update users
    set role = coalesce($2, role),
      disabled_at = case
        when $3::boolean is null then disabled_at
        when $3::boolean then coalesce(disabled_at, $4::timestamptz)
      end
    where id = $1
    returning )sql" + std::string(user_columns);
  const auto row = transaction.exec_params1(sql, id, role ? std::optional(text(*role)) : std::nullopt, disabled, now);
  const User user = user_of(row);
  if (!an_admin_is_left(transaction)) {
    return make_error(Errc::conflict, "'" + user.name + "' is the last admin; make another one first");
  }
  const bool was_disabled = disabled.value_or(false) && !before->disabled;
  const bool was_reset = link_hash && before->has_password;
  json details{{"link", link_hash.has_value()}};
  if (role) details["role"] = text(*role);
  if (disabled) details["disabled"] = *disabled;
  if (was_disabled || was_reset || user.role != before->role) end_sessions_and_links(transaction, id);
  if (was_disabled || was_reset) details["tokens_ended"] = revoke_tokens_of(transaction, id);
  if (link_hash) insert_link(transaction, id, *link_hash, link_expires_at, maker);
  append_audit(transaction, maker.actor, "user.change", "user/" + user.name, details.dump());
  return user;
}

std::string MakeAdminLink::operator()(pqxx::work& transaction) const {
  transaction.exec("lock table users in share row exclusive mode");  // two instances that start at once make one admin
  if (only_if_no_users && transaction.exec1("select exists (select from users)")[0].as<bool>()) return {};
  auto rows =
      transaction.exec("select id, name from users where role = 'admin' and disabled_at is null order by id limit 1");
  if (rows.empty()) {
    rows = transaction.exec(
        R"sql(
          insert into users (name, role)
          values ('admin', 'admin')
          on conflict (name) do update set role = 'admin', disabled_at = null
          returning id, name
        )sql");
  }
  insert_link(transaction, rows[0][0].as<std::int64_t>(), link_hash, expires_at, Maker{"argosyd"});
  const std::string name = rows[0][1].as<std::string>();
  append_audit(transaction, "argosyd", "user.admin_link", "user/" + name);
  return name;
}

void ForgetExpired::operator()(pqxx::work& transaction) const {
  transaction.exec_params("delete from sessions where expires_at <= $1::timestamptz or created_at <= $2::timestamptz",
                          now, now - absolute_life);
  transaction.exec_params("delete from login_links where expires_at < $1::timestamptz - interval '7 days'", now);
  transaction.exec_params("delete from idempotency_keys where created_at < $1::timestamptz - interval '1 day'", now);
}

}  // namespace argosy::server
