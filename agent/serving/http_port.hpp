// The little of HTTP that a serving adapter needs: one request, one whole answer. Blocking; the composition brings the
// client (agent/link), so that this folder knows no network library.
#pragma once

#include <cstddef>
#include <string>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"

namespace argosy::agent {

struct HttpCall {
  std::string method = "GET";
  std::string url;  // http://HOST[:PORT]/PATH
  std::string body;
  Duration time_limit{5'000};            // for all of it
  std::size_t response_limit = 1 << 20;  // bytes of the answer's body; more is Errc::too_large
};

struct HttpReply {
  int status = 0;
  std::string body;
};

class HttpPort {
 public:
  virtual ~HttpPort() = default;
  // Any status is a success here. Errc::unavailable: no connection, or it broke; Errc::timeout; Errc::cancelled after
  // stop().
  virtual Result<HttpReply> send(const HttpCall& call) = 0;
  virtual void stop() = 0;  // from any thread, for good: what runs ends soon
};

}  // namespace argosy::agent
