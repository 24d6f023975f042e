#include "server/access/credentials.hpp"

#include "server/http/request.hpp"

namespace argosy::server {

Maker maker_of(const Principal& principal) {
  Maker maker{principal.actor()};
  if (principal.kind == Principal::Kind::user) maker.user_id = principal.id;
  if (principal.kind == Principal::Kind::token) maker.token_id = principal.id;
  return maker;
}

std::optional<std::string_view> bearer_token(const Request& request) {
  constexpr std::string_view scheme = "Bearer ";
  const auto header = request.header("authorization");
  if (!header || header->size() > 512 || !header->starts_with(scheme)) return std::nullopt;
  return header->substr(scheme.size());
}

std::optional<std::string_view> session_token(const Request& request) {
  const auto header = request.header("cookie");
  if (!header) return std::nullopt;
  const auto token = find_cookie(*header, session_cookie);
  if (!token || token->empty() || token->size() > 128) return std::nullopt;
  return token;
}

}  // namespace argosy::server
