// Reads the fields of one JSON object and remembers the first that is wrong, by its path ("models[0].artifact.size").
// For this folder's .cpp files: it is the one place that knows the JSON library's types. Unknown fields are let
// through, so that an older reader understands a newer writer.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"

namespace argosy::wire {

using Json = nlohmann::json;

inline constexpr std::size_t max_text_bytes = 4096;
inline constexpr std::size_t max_list_items = 1024;

// The parsed document, which must be an object of protocol version 1.
inline Result<Json> parse_document(std::string_view text, std::size_t limit_bytes, std::string_view what) {
  const std::string name(what);
  if (text.size() > limit_bytes)
    return make_error(Errc::too_large, name + " has " + std::to_string(text.size()) + " bytes; the limit is " +
                                           std::to_string(limit_bytes));
  Json document = Json::parse(text, nullptr, false);
  if (!document.is_object()) return make_error(Errc::malformed_json, name + " is not a JSON object");
  const auto version = document.find("v");
  if (version != document.end() && *version != 1)
    return make_error(Errc::incompatible, name + " has protocol version " + version->dump() + "; this program reads 1");
  return {boost::system::in_place_value, std::move(document)};
}

// JSON text; bytes that are not UTF-8 become U+FFFD.
inline std::string dump(const Json& document) {
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

class Fields {
 public:
  Fields(const Json& object, std::string path, std::optional<Error>& fault)
      : object_(object), path_(std::move(path)), fault_(fault) {
    if (!object_.is_object()) fail(path_, "must be an object");
  }

  template <class T>
  void required(const char* key, T& out) {
    const Json* value = find(key);
    if (value == nullptr) return fail(at(key), "is missing");
    read(*value, at(key), out);
  }
  // A required text that may be longer than texts usually are.
  void text(const char* key, std::size_t limit_bytes, std::string& out) {
    const Json* value = find(key);
    if (value == nullptr) return fail(at(key), "is missing");
    if (!value->is_string()) return fail(at(key), "must be text");
    out = value->get<std::string>();
    if (out.size() > limit_bytes) fail(at(key), "may have at most " + std::to_string(limit_bytes) + " bytes");
  }
  // Keeps what `out` holds when the field is absent or null.
  template <class T>
  void optional(const char* key, T& out) {
    if (const Json* value = find(key)) read(*value, at(key), out);
  }
  template <class T>
  void optional(const char* key, std::optional<T>& out) {
    if (const Json* value = find(key)) read(*value, at(key), out.emplace());
  }
  // Calls each(Fields, item) for every object of a list; absent is empty.
  template <class T, class Each>
  void list(const char* key, std::size_t limit, std::vector<T>& out, Each each) {
    const Json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_array()) return fail(at(key), "must be a list");
    if (value->size() > limit) return fail(at(key), "may hold at most " + std::to_string(limit) + " items");
    for (std::size_t i = 0; i < value->size() && !fault_; ++i) {
      Fields item((*value)[i], at(key) + "[" + std::to_string(i) + "]", fault_);
      if (!fault_) each(item, out.emplace_back());
    }
  }
  // Calls each(Fields) for the object under `key`; returns false when it is absent or null.
  template <class Each>
  bool object(const char* key, Each each) {
    const Json* value = find(key);
    if (value == nullptr) return false;
    Fields inner(*value, at(key), fault_);
    if (!fault_) each(inner);
    return true;
  }
  template <class Predicate>
  void check(const char* key, Predicate holds, std::string_view rule) {
    if (!fault_ && !holds()) fail(at(key), rule);
  }

 private:
  const Json* find(const char* key) const {
    if (fault_ || !object_.is_object()) return nullptr;
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  std::string at(const char* key) const { return path_.empty() ? key : path_ + "." + key; }
  void fail(const std::string& where, std::string_view rule) {
    if (!fault_) fault_ = make_error(Errc::malformed_json, where + " " + std::string(rule));
  }

  void read(const Json& value, const std::string& where, std::string& out) {
    if (!value.is_string()) return fail(where, "must be text");
    out = value.get<std::string>();
    if (out.size() > max_text_bytes) fail(where, "may have at most " + std::to_string(max_text_bytes) + " bytes");
  }
  void read(const Json& value, const std::string& where, bool& out) {
    if (!value.is_boolean()) return fail(where, "must be true or false");
    out = value.get<bool>();
  }
  void read(const Json& value, const std::string& where, double& out) {
    if (!value.is_number()) return fail(where, "must be a number");
    out = value.get<double>();
    if (!std::isfinite(out)) fail(where, "must be finite");
  }
  template <std::integral T>
  void read(const Json& value, const std::string& where, T& out) {
    if (!value.is_number_integer() || !fits<T>(value))
      return fail(where, "must be an integer from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
                             std::to_string(std::numeric_limits<T>::max()));
    out = value.get<T>();
  }
  void read(const Json& value, const std::string& where, Instant& out) {
    std::string text;
    read(value, where, text);
    if (fault_) return;
    const auto parsed = parse_rfc3339(text);
    if (!parsed) return fail(where, "must be a time such as 2026-01-31T09:30:00.250Z");
    out = *parsed;
  }
  template <class T>
  void read(const Json& value, const std::string& where, std::vector<T>& out) {
    if (!value.is_array()) return fail(where, "must be a list");
    if (value.size() > max_list_items)
      return fail(where, "may hold at most " + std::to_string(max_list_items) + " items");
    out.clear();
    for (std::size_t i = 0; i < value.size() && !fault_; ++i)
      read(value[i], where + "[" + std::to_string(i) + "]", out.emplace_back());
  }
  template <class T>
  static bool fits(const Json& value) {
    if (value.is_number_unsigned()) return std::in_range<T>(value.get<std::uint64_t>());
    return std::in_range<T>(value.get<std::int64_t>());
  }

  const Json& object_;
  std::string path_;
  std::optional<Error>& fault_;
};

}  // namespace argosy::wire
