#include "server/http/static_files.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <sys/stat.h>

namespace argosy::server {
namespace {

namespace fs = std::filesystem;

struct Type {
  std::string_view extension, content_type;
};
constexpr std::array types{Type{".html", "text/html; charset=utf-8"},
                           Type{".js", "text/javascript; charset=utf-8"},
                           Type{".mjs", "text/javascript; charset=utf-8"},
                           Type{".css", "text/css; charset=utf-8"},
                           Type{".json", "application/json"},
                           Type{".map", "application/json"},
                           Type{".svg", "image/svg+xml"},
                           Type{".png", "image/png"},
                           Type{".ico", "image/x-icon"},
                           Type{".webp", "image/webp"},
                           Type{".woff2", "font/woff2"},
                           Type{".txt", "text/plain; charset=utf-8"},
                           Type{".webmanifest", "application/manifest+json"}};

const Type* known_type(const fs::path& path) {
  const std::string extension = path.extension().string();
  const auto* found =
      std::find_if(types.begin(), types.end(), [&](const Type& type) { return type.extension == extension; });
  return found == types.end() ? nullptr : found;
}

std::string content_type_of(const fs::path& path) {
  const Type* type = known_type(path);
  return std::string(type == nullptr ? "application/octet-stream" : type->content_type);
}

// Whether a coding is named and not switched off by q=0.
bool accepts(std::string_view accept_encoding, std::string_view coding) {
  while (!accept_encoding.empty()) {
    const std::size_t end = std::min(accept_encoding.find(','), accept_encoding.size());
    std::string_view item = accept_encoding.substr(0, end);
    accept_encoding.remove_prefix(std::min(end + 1, accept_encoding.size()));
    while (item.starts_with(' ')) item.remove_prefix(1);
    const std::size_t semicolon = std::min(item.find(';'), item.size());
    std::string_view name = item.substr(0, semicolon);
    while (name.ends_with(' ')) name.remove_suffix(1);
    if (name != coding) continue;
    const std::string_view parameters = item.substr(semicolon);
    const std::size_t q = parameters.find("q=");
    return q == std::string_view::npos || parameters.find_first_of("123456789", q) != std::string_view::npos;
  }
  return false;
}

// Bundlers put a hash into the names below assets/, so such a file never changes.
bool is_immutable(std::string_view path) {
  return path.starts_with("/assets/");
}

std::optional<std::string> etag_of(const fs::path& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) return std::nullopt;
  const auto time = static_cast<std::uint64_t>(facts.st_mtim.tv_sec) * 1'000'000'000U +
                    static_cast<std::uint64_t>(facts.st_mtim.tv_nsec);
  std::array<char, 64> text{};
  char* end = std::to_chars(text.begin(), text.end(), time, 16).ptr;
  *end++ = '-';
  end = std::to_chars(end, text.end(), static_cast<std::uint64_t>(facts.st_size), 16).ptr;
  return std::string(text.data(), end);
}

}  // namespace

StaticFiles::StaticFiles(fs::path root) {
  std::error_code error;
  if (!root.empty()) root_ = fs::canonical(root, error);
}

std::optional<fs::path> StaticFiles::inside_root(std::string_view path) const {
  if (root_.empty() || !path.starts_with('/') || path.find('\0') != std::string_view::npos) return std::nullopt;
  if (path.find("/.") != std::string_view::npos) return std::nullopt;  // hidden files, and ".."
  const fs::path relative(path.substr(1));
  std::error_code error;
  const fs::path real = fs::canonical(root_ / relative, error);
  if (error) return std::nullopt;
  const auto [root_end, rest] = std::mismatch(root_.begin(), root_.end(), real.begin(), real.end());
  if (root_end != root_.end()) return std::nullopt;  // a symbolic link led out
  return real;
}

std::optional<Response> StaticFiles::find(std::string_view path, std::string_view accept_encoding) const {
  auto file = inside_root(path == "/" ? "/index.html" : path);
  const bool is_page =
      known_type(fs::path(path)) == nullptr &&
      path.find("/.") == std::string_view::npos;  // "/models/digits/1.0" is one of the dashboard's paths
  if ((!file || !etag_of(*file)) && is_page) {
    file = inside_root("/index.html");
    path = "/index.html";
  }
  if (!file) return std::nullopt;
  const auto etag = etag_of(*file);
  if (!etag) return std::nullopt;

  Response response;
  response.content_type = content_type_of(*file);
  response.headers.emplace_back("Cache-Control",
                                is_immutable(path) ? "public, max-age=31536000, immutable" : "no-cache");
  response.headers.emplace_back("Vary", "Accept-Encoding");
  for (const auto& [coding, suffix] : {std::pair{"br", ".br"}, std::pair{"gzip", ".gz"}}) {
    const fs::path sibling = file->string() + suffix;
    const auto sibling_etag = accepts(accept_encoding, coding) ? etag_of(sibling) : std::nullopt;
    if (!sibling_etag) continue;
    response.headers.emplace_back("Content-Encoding", coding);
    response.body = FileBody{sibling, *sibling_etag + suffix};
    return response;
  }
  response.body = FileBody{*file, *etag};
  return response;
}

}  // namespace argosy::server
