#include "server/access/token_store.hpp"

#include <nlohmann/json.hpp>

#include "server/access/policy.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr const char* token_columns =
    "t.id, t.name, t.role, t.created_by, (extract(epoch from t.created_at) * 1000)::bigint, "
    "(extract(epoch from t.expires_at) * 1000)::bigint, (extract(epoch from t.revoked_at) * 1000)::bigint, "
    "(extract(epoch from t.last_used_at) * 1000)::bigint, t.maker_id, m.role";
constexpr const char* with_maker = " from api_tokens t left join users m on m.id = t.maker_id ";

std::optional<Instant> token_time(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return instant_from_ms(field.as<std::int64_t>());
}

ApiToken token_of(const pqxx::row& row) {
  ApiToken token;
  token.id = row[0].as<std::int64_t>();
  token.name = row[1].as<std::string>();
  token.role = parse_role(row[2].as<std::string>()).value();
  token.created_by = row[3].as<std::string>();
  token.created_at = instant_from_ms(row[4].as<std::int64_t>());
  token.expires_at = token_time(row[5]);
  token.revoked_at = token_time(row[6]);
  token.last_used_at = token_time(row[7]);
  token.effective_role = token.role;
  if (!row[8].is_null()) {
    token.maker_id = row[8].as<std::int64_t>();
    token.effective_role = capped(token.role, parse_role(row[9].as<std::string>()).value());
  }
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
        "select maker_id, expires_at::text from api_tokens where id = $1 and revoked_at is null for share",
        *maker.token_id);
    if (rows.empty()) return make_error(Errc::unauthenticated, "the token that asks for this was revoked");
    if (!rows[0][0].is_null()) origin.maker_id = rows[0][0].as<std::int64_t>();
    if (!rows[0][1].is_null()) origin.ends_by = rows[0][1].as<std::string>();
  }
  if (!origin.maker_id) return origin;
  const auto rows = transaction.exec_params("select role from users where id = $1 and disabled_at is null for share",
                                            *origin.maker_id);
  if (rows.empty()) return make_error(Errc::unauthenticated, "the account that asks for this is disabled");
  if (rows[0][0].as<std::string>() != "admin") {
    return make_error(Errc::forbidden, "the account that asks for this is no admin any more");
  }
  return origin;
}

}  // namespace

std::optional<ApiToken> FindToken::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      std::string("select ") + token_columns +
          ", coalesce(t.last_used_at < $2::timestamptz - interval '1 minute', true)" + with_maker +
          "where t.token_hash = decode($1, 'hex') and t.revoked_at is null and (t.expires_at "
          "is null or t.expires_at > $2::timestamptz) and m.disabled_at is null",
      token_hash, to_rfc3339(now));
  if (rows.empty()) return std::nullopt;
  ApiToken token = token_of(rows[0]);
  if (rows[0][10].as<bool>()) {
    transaction.exec_params("update api_tokens set last_used_at = $2::timestamptz where id = $1", token.id,
                            to_rfc3339(now));
  }
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
      "insert into api_tokens (name, role, token_hash, created_by, expires_at, maker_id, parent_id) "
      "values ($1, $2, decode($3, 'hex'), $4, least($5::timestamptz, $6::timestamptz), $7, $8) returning id",
      name, std::string(to_string(role)), token_hash, maker.actor,
      expires_at ? std::optional(to_rfc3339(*expires_at)) : std::nullopt, origin.ends_by, origin.maker_id,
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
  const auto ended = transaction.exec_params(
      "with recursive line as (select id from api_tokens where id = $1 union select t.id from api_tokens t "
      "join line on t.parent_id = line.id) update api_tokens t set revoked_at = $2::timestamptz from line "
      "where t.id = line.id and t.revoked_at is null returning t.id",
      id, to_rfc3339(now));
  transaction.exec_params(
      "delete from login_links where used_at is null and maker_token_id in (with recursive line as (select id from "
      "api_tokens where id = $1 union select t.id from api_tokens t join line on t.parent_id = line.id) select id from "
      "line)",
      id);
  append_audit(transaction, actor, "token.revoke", "token/" + std::to_string(id),
               json{{"name", rows[0][0].as<std::string>()}, {"ended", ended.size()}}.dump());
  return {};
}

std::size_t revoke_tokens_of(pqxx::work& transaction, std::int64_t maker_id) {
  return transaction
      .exec_params("update api_tokens set revoked_at = now() where maker_id = $1 and revoked_at is null", maker_id)
      .affected_rows();
}

}  // namespace argosy::server
