#include "server/http/response_head.hpp"

#include <ctime>

#include <boost/beast/http/status.hpp>

namespace argosy::server {
namespace {

constexpr std::string_view page_policy =
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'";
constexpr std::string_view data_policy = "default-src 'none'; frame-ancestors 'none'";

void line(std::string& head, std::string_view name, std::string_view value) {
  if (name.find_first_of("\r\n:") != std::string_view::npos || value.find_first_of("\r\n") != std::string_view::npos) {
    return;
  }
  head.append(name).append(": ").append(value).append("\r\n");
}

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[40];
  const std::size_t size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, size};
}

std::string_view reason_phrase(int status) {
  const auto phrase = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
  return {phrase.data(), phrase.size()};
}

}  // namespace

std::optional<std::string_view> response_header(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::string format_head(const Response& response, const Head& head) {
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + " ";
  text.append(reason_phrase(response.status)).append("\r\n");
  line(text, "Date", http_date());
  line(text, "Server", "argosyd");
  line(text, "X-Request-Id", head.request_id);
  if (!response.content_type.empty()) line(text, "Content-Type", response.content_type);
  if (head.chunked) line(text, "Transfer-Encoding", "chunked");
  if (head.content_length) line(text, "Content-Length", std::to_string(*head.content_length));
  line(text, "Connection", head.keep_alive ? "keep-alive" : "close");
  for (const auto& [name, value] : response.headers) line(text, name, value);
  if (!response_header(response, "Cache-Control")) line(text, "Cache-Control", "no-store");
  line(text, "X-Content-Type-Options", "nosniff");
  line(text, "X-Frame-Options", "DENY");
  line(text, "Referrer-Policy", "no-referrer");
  if (response.status != 304)  // the browser would put it in the place of the page's own
    line(text, "Content-Security-Policy", response.content_type.starts_with("text/html") ? page_policy : data_policy);
  if (head.over_tls) line(text, "Strict-Transport-Security", "max-age=31536000");
  return text + "\r\n";
}

}  // namespace argosy::server
