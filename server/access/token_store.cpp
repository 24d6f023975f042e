#include "server/access/token_store.hpp"

#include <nlohmann/json.hpp>

#include "server/access/policy.hpp"
#include "server/db/rows.hpp"
#include "server/db/statement.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr const char* token_columns =
    "t.id, t.name, t.role, t.created_by, t.created_at, t.expires_at, t.revoked_at, t.last_used_at, t.maker_id, "
    "m.role as maker_role";
constexpr const char* with_maker = " from api_tokens t left join users m on m.id = t.maker_id ";

// The token $1, and what it made, directly or by others: `line`.
const std::string line_of_token = R"sql(
  with recursive line as (
    select id
    from api_tokens
    where id = $1
    union
    select t.id
    from api_tokens t
    join line on t.parent_id = line.id
  )
)sql";

ApiToken token_of(const pqxx::row& row) {
  ApiToken token;
  token.id = row["id"].as<std::int64_t>();
  token.name = row["name"].as<std::string>();
  token.role = enum_of(row["role"], parse_role);
  token.created_by = row["created_by"].as<std::string>();
  token.created_at = row["created_at"].as<Instant>();
  token.expires_at = optional_of<Instant>(row["expires_at"]);
  token.revoked_at = optional_of<Instant>(row["revoked_at"]);
  token.last_used_at = optional_of<Instant>(row["last_used_at"]);
  token.maker_id = optional_of<std::int64_t>(row["maker_id"]);
  token.effective_role = token.maker_id ? capped(token.role, enum_of(row["maker_role"], parse_role)) : token.role;
  return token;
}

struct Origin {  // of a new token, locked until the commit, so that its end waits for the new one to be seen
  std::optional<std::int64_t> maker_id;
  std::optional<std::string> ends_by;
};

Result<Origin> lock_origin(pqxx::work& transaction, const Maker& maker) {
  Origin origin{maker.user_id, std::nullopt};
  if (maker.token_id) {
    const auto rows = transaction.exec_params(
        "select maker_id, expires_at from api_tokens where id = $1 and revoked_at is null for share", *maker.token_id);
    if (rows.empty()) return make_error(Errc::unauthenticated, "the token that asks for this was revoked");
    origin.maker_id = optional_of<std::int64_t>(rows[0][0]);
    origin.ends_by = optional_of<std::string>(rows[0][1]);
  }
  if (!origin.maker_id) return origin;
  const auto rows = transaction.exec_params("select role from users where id = $1 and disabled_at is null for share",
                                            *origin.maker_id);
  if (rows.empty()) return make_error(Errc::unauthenticated, "the account that asks for this is disabled");
  if (rows[0][0].as<std::string>() != "admin") {
    return make_error(Errc::forbidden, "the account that asks for this is not an admin any more");
  }
  return origin;
}

}  // namespace

std::optional<ApiToken> FindToken::operator()(pqxx::work& transaction) const {
  static const std::string sql =
      std::string("select ") + token_columns +
      ", coalesce(t.last_used_at < $2::timestamptz - interval '1 minute', true) as was_long_unused" + with_maker +
      R"sql(
        where t.token_hash = decode($1, 'hex') and t.revoked_at is null
          and (t.expires_at is null or t.expires_at > $2::timestamptz)
          and m.disabled_at is null
      )sql";
  static const Statement find_token{"find_token", sql};
  const auto rows = exec_prepared(transaction, find_token, token_hash, now);
  if (rows.empty()) return std::nullopt;
  ApiToken token = token_of(rows[0]);
  if (rows[0]["was_long_unused"].as<bool>())
    transaction.exec_params("update api_tokens set last_used_at = $2::timestamptz where id = $1", token.id, now);
  return token;
}

std::vector<ApiToken> ListTokens::operator()(pqxx::work& transaction) const {
  std::vector<ApiToken> tokens;
  const auto rows =
      transaction.exec(std::string("select ") + token_columns + with_maker + "order by t.id desc limit 1000");
  for (const auto& row : rows) tokens.push_back(token_of(row));
  return tokens;
}

Result<ApiToken> CreateToken::operator()(pqxx::work& transaction) const {
  ARGOSY_TRY(const Origin origin, lock_origin(transaction, maker));
  const auto made = transaction.exec_params1(
      R"sql(
        insert into api_tokens (name, role, token_hash, created_by, expires_at, maker_id, parent_id)
        values ($1, $2, decode($3, 'hex'), $4, least($5::timestamptz, $6::timestamptz), $7, $8)
        returning id
      )sql",
      name, std::string(to_string(role)), token_hash, maker.actor, expires_at, origin.ends_by, origin.maker_id,
      maker.token_id);
  const auto row = transaction.exec_params1(std::string("select ") + token_columns + with_maker + "where t.id = $1",
                                            made[0].as<std::int64_t>());
  ApiToken token = token_of(row);
  append_audit(transaction, maker.actor, "token.create", "token/" + std::to_string(token.id),
               json{{"name", name}, {"role", to_string(role)}}.dump());
  return token;
}

Result<void> RevokeToken::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params("select name from api_tokens where id = $1", id);
  if (rows.empty()) return make_error(Errc::not_found, "there is no token " + std::to_string(id));
  static const std::string end_tokens = line_of_token + R"sql(
    update api_tokens t
    set revoked_at = $2::timestamptz
    from line
    where t.id = line.id and t.revoked_at is null
  )sql";
  static const std::string drop_links = line_of_token + R"sql(
    delete from login_links
    where used_at is null and maker_token_id in (select id from line)
  )sql";
  // One of the line may be making another, and holds its own row until that is seen: the next look finds it.
  std::size_t ended = 0;
  for (std::size_t more = 1; more > 0; ended += more) {
    more = transaction.exec_params(end_tokens, id, now).affected_rows();
  }
  transaction.exec_params0(drop_links, id);
  append_audit(transaction, actor, "token.revoke", "token/" + std::to_string(id),
               json{{"name", rows[0][0].as<std::string>()}, {"ended", ended}}.dump());
  return {};
}

std::size_t revoke_tokens_of(pqxx::work& transaction, std::int64_t maker_id) {
  return transaction
      .exec_params("update api_tokens set revoked_at = now() where maker_id = $1 and revoked_at is null", maker_id)
      .affected_rows();
}

}  // namespace argosy::server
