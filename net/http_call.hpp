// One request of HTTP/1.1 on a connection of its own, over TCP or TLS, and its whole answer. Blocking; one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "net/http.hpp"
#include "net/url.hpp"

namespace argosy::net {

struct HttpServer {
  ServerUrl url;
  std::string ca_file;  // for https; empty: the system's authorities
};

struct Upload {  // the body of a request, of any size
  std::filesystem::path file;
  std::function<void(std::uint64_t sent)> on_progress = {};  // bytes, with the head's
};

// Where there is one, the body of a 200 goes to it piece by piece, whatever its size, and is not in the answer. Its
// error ends the call.
using TakePiece = std::function<Result<void>(std::string_view piece)>;

// Any status is a success. The request's time limit is for each step without any progress; `stop`, asked by any thread,
// ends the call at once. Errors as in http_steps.hpp; Errc::unavailable when it was stopped, invalid_argument when
// ca_file cannot be used, not_found or io when the upload's file cannot.
Result<HttpResponse> call_http(const HttpServer& server, const HttpRequest& request, const std::string& program,
                               const std::optional<Upload>& upload = std::nullopt, const TakePiece& take = {},
                               std::stop_token stop = {});

}  // namespace argosy::net
