#include "server/http/request.hpp"

#include <stdexcept>

namespace argosy::server {
namespace {

std::optional<std::string_view> find(const std::map<std::string, std::string, std::less<>>& map,
                                     std::string_view name) {
  const auto found = map.find(name);
  if (found == map.end()) return std::nullopt;
  return found->second;
}

}  // namespace

std::string_view Request::param(std::string_view name) const {
  const auto found = find(params, name);
  if (!found) throw std::logic_error("the route has no {" + std::string(name) + "}");
  return *found;
}

std::optional<std::string_view> Request::header(std::string_view lower_case_name) const {
  return find(headers, lower_case_name);
}

std::optional<std::string_view> Request::query_value(std::string_view name) const {
  return find(query, name);
}

}  // namespace argosy::server
