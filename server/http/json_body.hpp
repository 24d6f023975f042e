// Reading a request's JSON object strictly: a missing field, a wrong type, a value out of bounds or a key that nobody
// asked for is an error that names it. Pure. At most 64 levels deep.
//
//   ARGOSY_TRY(auto body, JsonReader::parse(request.body));
//   body.required("name", claim.name).optional("max_uses", claim.max_uses, 1, 100000);
//   ARGOSY_CHECK(body.finish());
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"

namespace argosy::server {

// Errc::invalid_argument about one field ("policy.waves[1].share"); becomes an entry of the problem's `errors`.
Error field_error(std::string_view field, std::string_view message, Errc code = Errc::invalid_argument);
struct NamedField {
  std::string field;
  std::string message;
};
std::optional<NamedField> named_field(const Error& error);

// Any JSON text: Errc::malformed_json says where it breaks; not UTF-8 or deeper than 64 levels is malformed as well.
Result<nlohmann::json> parse_json(std::string_view text);

inline constexpr std::size_t default_text_limit = 4096;

class JsonReader {
 public:
  static Result<JsonReader> parse(std::string_view text);
  // `where` is the path of the object in messages; empty at the top.
  static Result<JsonReader> of(nlohmann::json object, std::string where = {});

  bool has(std::string_view name) const;  // present and not null

  // optional() leaves `value` as it is when the key is absent or null; required() makes that an error.
  template <class T>
  JsonReader& required(std::string_view name, T& value) {
    return read(name, value, true);
  }
  template <class T>
  JsonReader& optional(std::string_view name, T& value) {
    return read(name, value, false);
  }
  template <class T>
  JsonReader& required(std::string_view name, T& value, T min, T max) {
    return read(name, value, true).bound(name, value, min, max);
  }
  template <class T>
  JsonReader& optional(std::string_view name, T& value, T min, T max) {
    return read(name, value, false).bound(name, value, min, max);
  }
  // A text that may be longer than texts usually are.
  JsonReader& required_text(std::string_view name, std::size_t limit, std::string& value);
  // Nested objects: `read_fields` is called with their reader; its unknown keys are errors too.
  JsonReader& required_object(std::string_view name, const std::function<void(JsonReader&)>& read_fields);
  JsonReader& optional_object(std::string_view name, const std::function<void(JsonReader&)>& read_fields);
  // An array of objects, at most `limit`; absent or null reads as empty.
  JsonReader& objects(std::string_view name, std::size_t limit, const std::function<void(JsonReader&)>& read_fields);

  // A check of the caller's own: the first error wins.
  JsonReader& check(std::string_view name, bool good, std::string_view message);

  // The first error of all, or Errc::unknown_key for a key that was not read.
  Result<void> finish();

 private:
  const nlohmann::json* find(std::string_view name);  // marks it as read; null when absent or JSON null
  std::string path(std::string_view name) const;
  void fail(std::string_view name, std::string_view message);
  void absorb(JsonReader& child);
  JsonReader& nested(std::string_view name, bool is_required, const std::function<void(JsonReader&)>& read_fields);

  template <class T>
  JsonReader& read(std::string_view name, T& value, bool is_required) {
    const nlohmann::json* found = find(name);
    if (found != nullptr) {
      convert(name, *found, value);
    } else if (is_required) {
      fail(name, "is missing");
    }
    return *this;
  }
  template <class T>
  JsonReader& bound(std::string_view name, const T& value, const T& min, const T& max) {
    return check(name, !(value < min) && !(max < value),
                 "must be from " + nlohmann::json(min).dump() + " to " + nlohmann::json(max).dump());
  }

  void take_text(std::string_view name, const nlohmann::json& from, std::size_t limit, std::string& to);
  void convert(std::string_view name, const nlohmann::json& from, std::string& to);  // at most default_text_limit bytes
  void convert(std::string_view name, const nlohmann::json& from, bool& to);
  void convert(std::string_view name, const nlohmann::json& from, double& to);
  void convert(std::string_view name, const nlohmann::json& from, std::int64_t& to);
  void convert(std::string_view name, const nlohmann::json& from, std::uint64_t& to);
  void convert(std::string_view name, const nlohmann::json& from, int& to);
  void convert(std::string_view name, const nlohmann::json& from, std::uint32_t& to);
  void convert(std::string_view name, const nlohmann::json& from, Instant& to);         // RFC 3339
  void convert(std::string_view name, const nlohmann::json& from, nlohmann::json& to);  // whatever it is
  template <class T>
  void convert(std::string_view name, const nlohmann::json& from, std::optional<T>& to) {
    T value{};
    convert(name, from, value);
    to = std::move(value);
  }
  template <class T>
  void convert(std::string_view name, const nlohmann::json& from, std::vector<T>& to) {
    if (!from.is_array()) return fail(name, "must be an array");
    to.clear();
    for (std::size_t i = 0; i < from.size(); ++i) {
      T value{};
      convert(std::string(name) + "[" + std::to_string(i) + "]", from[i], value);
      to.push_back(std::move(value));
    }
  }
  template <class T>
  void convert(std::string_view name, const nlohmann::json& from, std::map<std::string, T>& to) {
    if (!from.is_object()) return fail(name, "must be an object");
    to.clear();
    for (const auto& [key, item] : from.items()) {
      T value{};
      convert(std::string(name) + "." + key, item, value);
      to.emplace(key, std::move(value));
    }
  }

  nlohmann::json object_;
  std::string where_;
  std::set<std::string, std::less<>> seen_;
  std::optional<Error> error_;
};

}  // namespace argosy::server
