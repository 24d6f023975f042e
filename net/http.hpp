// A request of HTTP/1.1 and its answer, as whoever asks sees them. Plain data.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/instant.hpp"

namespace argosy::net {

struct HttpRequest {
  std::string method = "GET";
  std::string target;  // path and query
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string content_type = "application/json";  // of a body; empty: said by `headers`, or not at all
  Duration time_limit{30'000};                    // for all of it; where it is long, for each piece
  std::size_t response_limit = 2 << 20;           // bytes of the answer's body
};

struct HttpHead {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::optional<std::string> header(const std::string& lower_case_name) const;
  std::optional<Duration> retry_after() const;  // at most a day; a date counts from the answer's own
};

struct HttpResponse {
  HttpHead head;
  std::string body;
};

}  // namespace argosy::net
