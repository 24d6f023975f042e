// Reads the members of one JSON object strictly: right type, inside bounds, and nothing left over. Pure; the first
// error wins and later reads do nothing, so a decoder reads all members in a row and asks once.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "common/base/error.hpp"

namespace argosy::server {

class StrictObject {
 public:
  // `path` is what messages call this object: "policy.gate".
  StrictObject(const nlohmann::json& object, std::string path);

  void read(std::string_view key, bool& into);
  void read(std::string_view key, std::string& into, std::size_t max_size);
  void read(std::string_view key, double& into, double low, double high);
  void read(std::string_view key, std::optional<double>& into, double low, double high);  // null is nothing
  void read_integer(std::string_view key, std::int64_t& into, std::int64_t low, std::int64_t high);
  // The array under `key`, nothing when it is missing; an error when it is longer than `max_size`.
  const nlohmann::json* array(std::string_view key, std::size_t max_size);
  const nlohmann::json* object(std::string_view key);
  std::string path_of(std::string_view key) const;
  void fail(Errc code, std::string_view key, const std::string& what);

  // The first error, or an unknown key, or nothing.
  Result<void> finish() const;

 private:
  const nlohmann::json* member(std::string_view key);

  const nlohmann::json& object_;
  std::string path_;
  std::set<std::string, std::less<>> known_;
  std::optional<Error> error_;
};

}  // namespace argosy::server
