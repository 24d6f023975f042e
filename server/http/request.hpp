// One request as its handler sees it. Owned by the connection that read it, until the response is sent; on the I/O
// thread. How much of a path, a header or a body there may be, the reader decides (request_reader.hpp) and the route
// (route.hpp).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/base/task.hpp"
#include "server/http/method.hpp"
#include "server/http/peer_certificate.hpp"
#include "server/http/principal.hpp"

namespace argosy::server {

// The body of a streaming route, read in order; Errc::truncated when the peer stops before its Content-Length.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  virtual std::optional<std::uint64_t> content_length() const = 0;
  // Reads at least one byte into `buffer`; 0 at the end.
  virtual Task<Result<std::size_t>> read(std::uint8_t* buffer, std::size_t size) = 0;
};

struct Request {
  Method method = Method::get;
  std::string path;                                         // decoded, without the query
  std::map<std::string, std::string, std::less<>> query;    // decoded
  std::map<std::string, std::string, std::less<>> headers;  // names in lower case
  std::map<std::string, std::string, std::less<>> params;   // from the route's {placeholders}
  std::string body;                                         // empty on a streaming route
  BodyStream* stream = nullptr;                             // only on a streaming route
  Principal principal;
  std::optional<PeerCertificate> peer_certificate;  // only on a TLS listener that asks for one
  std::string peer_address;                         // "192.0.2.7"; the client's, behind named proxies
  std::string id;                                   // in the log, in problems and as X-Request-Id
  Instant now{};
  std::string_view param(std::string_view name) const;  // must exist in the route
  std::optional<std::string_view> header(std::string_view lower_case_name) const;
  std::optional<std::string_view> query_value(std::string_view name) const;
};

}  // namespace argosy::server
