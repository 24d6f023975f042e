// The REST API as the commands see it: JSON in, JSON out, problems as Errors whose code follows the problem's type.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "cli/planned_change.hpp"
#include "cli/settings.hpp"
#include "net/http_call.hpp"

namespace argosy::cli {

class ApiClient {
 public:
  // With `planned` nothing that changes the server is sent: it is put there, and the call ends with an error.
  explicit ApiClient(Settings settings, std::shared_ptr<std::optional<PlannedChange>> planned = nullptr)
      : settings_(std::move(settings)), planned_(std::move(planned)) {}

  // `path` starts behind /api/v1.
  Result<nlohmann::json> get(const std::string& path) const;
  Result<nlohmann::json> post(const std::string& path, const nlohmann::json& body) const;
  Result<nlohmann::json> put(const std::string& path, const nlohmann::json& body) const;
  Result<nlohmann::json> patch(const std::string& path, const nlohmann::json& body) const;
  Result<nlohmann::json> remove(const std::string& path) const;
  // Under If-Match, for what two operators might change at once.
  Result<nlohmann::json> post_if_match(const std::string& path, const std::string& etag,
                                       const nlohmann::json& body) const;
  Result<nlohmann::json> patch_if_match(const std::string& path, const std::string& etag,
                                        const nlohmann::json& body) const;
  Result<nlohmann::json> remove_if_match(const std::string& path, const std::string& etag) const;
  // All items of a list, page after page, up to `limit`.
  Result<nlohmann::json> list(const std::string& path, const std::string& filter, std::size_t limit) const;
  // The body of an answer of any size, piece by piece; what an error left behind is a part.
  Result<void> download(const std::string& path, const net::TakePiece& take) const;
  Result<bool> has_blob(const std::string& digest) const;
  Result<void> put_blob(const std::string& digest, const std::filesystem::path& file,
                        std::function<void(std::uint64_t)> on_progress) const;
  // Logs in, makes a token named `token_name` for further calls, and closes the session whatever came of it.
  Result<std::string> token_for_login(const std::string& login_path, const nlohmann::json& credentials,
                                      const std::string& token_name) const;
  const Settings& settings() const { return settings_; }

 private:
  using Headers = std::vector<std::pair<std::string, std::string>>;
  Result<net::HttpResponse> send(net::HttpRequest request, const std::optional<net::Upload>& upload = std::nullopt,
                                 const net::TakePiece& take = {}) const;
  Result<nlohmann::json> call(std::string method, const std::string& path, const nlohmann::json* body,
                              Headers headers) const;
  Settings settings_;
  std::shared_ptr<std::optional<PlannedChange>> planned_;
};

}  // namespace argosy::cli
