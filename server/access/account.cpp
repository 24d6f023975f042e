#include "server/access/account.hpp"

#include <algorithm>

#include "common/crypto/password.hpp"

namespace argosy::server {
namespace {

bool is_account_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-' || c == '@';
}

}  // namespace

Result<void> check_account_name(std::string_view name) {
  if (!name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), is_account_character)) return {};
  return make_error(Errc::invalid_argument, "field 'name' must be 1 to 64 letters, digits or any of . _ - @");
}

Result<void> check_new_password(std::string_view password) {
  if (password.size() >= min_password_bytes && password.size() <= max_password_bytes) return {};
  return make_error(Errc::invalid_argument, "field 'password' must have " + std::to_string(min_password_bytes) +
                                                " to " + std::to_string(max_password_bytes) + " bytes");
}

std::optional<std::string_view> find_cookie(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    const std::size_t end = std::min(header.find(';'), header.size());
    std::string_view pair = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) return pair.substr(name.size() + 1);
  }
  return std::nullopt;
}

}  // namespace argosy::server
