// The SQL of API tokens: functors for DbPool::transact, run on the DB threads. A token has its maker's rights at most,
// whatever these are now, and ends with the token that made it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/access/account.hpp"
#include "server/access/role.hpp"

namespace argosy::server {

struct FindToken {
  std::string token_hash;
  Instant now;
  std::optional<ApiToken> operator()(pqxx::work& transaction) const;
};
struct ListTokens {
  std::vector<ApiToken> operator()(pqxx::work& transaction) const;  // newest first, at most 1,000
};
// Errc::unauthenticated when its maker was disabled or revoked meanwhile. It ends no later than a token that makes it.
struct CreateToken {
  std::string name;
  Role role = Role::viewer;
  std::string token_hash;
  std::optional<Instant> expires_at;
  Maker maker;
  Result<ApiToken> operator()(pqxx::work& transaction) const;
};
struct RevokeToken {  // with those that it made; Errc::not_found; twice is no error
  std::int64_t id = 0;
  Instant now;
  std::string actor;
  Result<void> operator()(pqxx::work& transaction) const;
};

// For the end of a person's authority: revokes what they made, and what that made. How many.
std::size_t revoke_tokens_of(pqxx::work& transaction, std::int64_t maker_id);

}  // namespace argosy::server
