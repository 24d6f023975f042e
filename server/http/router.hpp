// Routes of one listener: who may call what, and the coroutine that answers. Owned by the composition root, filled
// before the listener starts, read-only afterwards; handlers run on the I/O thread and must not block it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"
#include "common/base/id.hpp"
#include "common/base/instant.hpp"
#include "server/base/task.hpp"

namespace argosy::server {

enum class Method : std::uint8_t { get, head, post, put, patch, del };

enum class Role : std::uint8_t { viewer, publisher, operator_, admin };
std::string_view to_string(Role role);
Result<Role> parse_role(std::string_view text);

// Who calls. Devices come by their certificate, people by session, pipelines by token.
struct Principal {
  enum class Kind : std::uint8_t { anonymous, user, token, device };
  Kind kind = Kind::anonymous;
  std::string name;          // user name, token name, or device id
  Role role = Role::viewer;  // for user and token
  std::int64_t id = 0;       // for user and token
  // What this right rests on; when one of it may have ended, the caller is asked again: "user:5", "device:cam-7".
  std::vector<std::string> depends_on{};
  std::string actor() const;  // for the audit log: "user:ada", "token:ci", "device:cam-7"
};

// What a route asks of its caller. publisher and operator_ do not include each other; admin includes all.
enum class Access : std::uint8_t { open, viewer, publisher, operator_, publisher_or_operator, admin, any_user, device };
bool allows(Access access, const Principal& principal);

// The body of a streaming route, read in order; Errc::truncated when the peer stops before its Content-Length.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  virtual std::optional<std::uint64_t> content_length() const = 0;
  // Reads at least one byte into `buffer`; 0 at the end.
  virtual Task<Result<std::size_t>> read(std::uint8_t* buffer, std::size_t size) = 0;
};

struct PeerCertificate {  // verified against the listener's client authority before anyone sees it
  std::string common_name;
  std::string fingerprint;  // lower-case hex SHA-256 of the DER form
  Instant not_after = Instant::max();
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

struct FileBody {  // served by sendfile-like streaming, with Range and If-Range handled by the server
  std::filesystem::path path;
  std::string etag;                     // without quotes
  std::shared_ptr<const void> lease{};  // let go when the response has been sent, or has broken off
};

struct LiveBody {  // a stream without end (SSE): each call gives the next piece; an error or an empty piece ends it
  std::function<Task<Result<std::string>>()> next;
};

struct Response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string content_type = "application/json";
  std::variant<std::string, FileBody, LiveBody> body = std::string{};

  static Response json(std::string text, int status = 200);
  static Response no_content();
};

using Handler = std::function<Task<Result<Response>>(Request&)>;

struct Route {
  Method method = Method::get;
  std::string path;  // "/api/v1/devices/{id}"; a placeholder matches one segment
  Access access = Access::viewer;
  Handler handler;
  std::uint64_t body_limit = 0;  // bytes; 0: what is usual, which is little where nobody has to sign
  bool streaming = false;        // the handler reads Request::stream; body_limit does not apply
};

inline constexpr std::uint64_t usual_body_limit = 1ULL << 20;
inline constexpr std::uint64_t open_body_limit = 16ULL << 10;

class Router {
 public:
  void add(Route route);
  struct Match {
    const Route* route = nullptr;  // null: nothing here, or only for the `allowed` methods
    std::map<std::string, std::string, std::less<>> params;
    std::vector<Method> allowed;
  };
  // `path` is decoded. A GET route answers HEAD as well; of two routes that fit, the one with fewer placeholders wins.
  Match match(Method method, std::string_view path) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

std::string_view to_string(Method method);  // "GET"

// Problem details (RFC 9457) of an error; the one table from Errc to status and title.
Response problem(const Error& error);
// A problem with a slug of its own, where no Errc fits: 405 method-not-allowed, 431 headers-too-large.
Response problem(int status, std::string_view slug, std::string_view title, std::string_view detail);
int http_status(Errc code);

}  // namespace argosy::server
