// One HTTP exchange at a time, over TCP or TLS, with a deadline on every step. Blocking; one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/url.hpp"
#include "common/base/error.hpp"

namespace argosy::cli {

struct HttpRequest {
  std::string method = "GET";
  std::string target;  // "/api/v1/devices?limit=50"
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::optional<std::filesystem::path> body_file;  // instead of body: streamed, any size
  std::function<void(std::uint64_t sent)> on_progress;
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // at most 64 MiB
};

struct HttpOptions {
  std::chrono::seconds timeout{30};  // without any progress
  std::string ca_file;               // for https; empty: the system's authorities
};

// Errc::unavailable when the server cannot be reached, Errc::timeout when it stops answering.
Result<HttpResponse> send_http(const Url& server, const HttpOptions& options, const HttpRequest& request);

}  // namespace argosy::cli
