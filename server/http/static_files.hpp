// The dashboard's files below one folder, never outside of it. Looks at the file system when asked; reads no content.
// Unknown paths without a file's extension get index.html, since the dashboard routes by path in the browser.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "server/http/response.hpp"

namespace argosy::server {

class StaticFiles {
 public:
  explicit StaticFiles(std::filesystem::path root);  // empty: serves nothing
  // `path` is decoded. Picks a .br or .gz sibling that `accept_encoding` allows. nullopt: there is no such file.
  std::optional<Response> find(std::string_view path, std::string_view accept_encoding) const;

 private:
  std::optional<std::filesystem::path> inside_root(std::string_view path) const;
  std::filesystem::path root_;
};

}  // namespace argosy::server
