#include "server/http/request_head.hpp"

#include <algorithm>
#include <cctype>

namespace argosy::server {
namespace {

namespace http = boost::beast::http;

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

void set_limits(RequestParser& parser, std::uint32_t header_bytes) {
  parser.header_limit(header_bytes);
  parser.body_limit(boost::none);
}

Result<RequestHead> read_head(const RequestParser::value_type& message) {
  if (message.version() >= 11 && message.count(http::field::host) != 1)
    return make_error(Errc::invalid_argument, "the request must have one Host header");
  RequestHead head;
  for (const auto& field : message) {
    std::string name(view(field.name_string()));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    const auto [slot, is_new] = head.headers.emplace(std::move(name), view(field.value()));
    if (!is_new) slot->second += ", " + std::string(view(field.value()));
  }
  ARGOSY_TRY(head.target, parse_target(view(message.target())));
  return head;
}

}  // namespace argosy::server
