// A request's head as Beast's parser reads it, made into what handlers see. Pure; without coroutines, so that a fuzzer
// reaches all of it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "common/base/error.hpp"
#include "server/http/url_coding.hpp"

namespace argosy::server {

using RequestParser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;

// A body has no limit here: its reader, which knows the route, bounds it.
void set_limits(RequestParser& parser, std::uint32_t header_bytes);

struct RequestHead {
  Target target;
  std::map<std::string, std::string, std::less<>> headers;  // names in lower case; values of equal names joined by ", "
};
Result<RequestHead> read_head(const RequestParser::value_type& message);

}  // namespace argosy::server
