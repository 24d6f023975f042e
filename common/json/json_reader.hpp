// Reading one JSON object strictly: a missing field, a wrong type, a value out of bounds or a key that nobody asked for
// is an error that names it by its path. Pure. null stands for absent.
//
//   ARGOSY_TRY(auto body, JsonReader::parse(request.body));
//   body.required("name", claim.name).optional("max_uses", claim.max_uses, 1, 100000);
//   ARGOSY_CHECK(body.finish());
//
// Bounds that hold without being said: texts default_text_limit bytes, lists and maps default_list_limit items,
// unsigned numbers largest_count, times 1970 to 9999, numbers finite.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/bounds.hpp"
#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/json/json_text.hpp"

namespace argosy {

// Errc::invalid_argument about one field ("policy.waves[1].share"); becomes an entry of a problem's `errors`.
Error field_error(std::string_view field, std::string_view message, Errc code = Errc::invalid_argument);
struct NamedField {
  std::string field;
  std::string message;
};
std::optional<NamedField> named_field(const Error& error);

inline constexpr std::size_t default_text_limit = 4096;  // bytes
inline constexpr std::size_t default_list_limit = 1024;

// `pass` is for documents that cross versions: a newer writer may say more than this reader knows.
enum class UnknownKeys { refuse, pass };

class JsonReader {
 public:
  static Result<JsonReader> parse(std::string_view text, const JsonLimits& limits = {},
                                  UnknownKeys unknown = UnknownKeys::refuse);
  // `where` is the path of the object in messages; empty at the top.
  static Result<JsonReader> of(nlohmann::json object, std::string where = {},
                               UnknownKeys unknown = UnknownKeys::refuse);

  bool has(std::string_view name) const;  // present and not null

  // optional() leaves `value` as it is when the key is absent or null; required() makes that an error.
  template <class T>
  JsonReader& required(std::string_view name, T& value) {
    return read(name, true, [&](const Place& at, const nlohmann::json& found) { convert(at, found, value); });
  }
  template <class T>
  JsonReader& optional(std::string_view name, T& value) {
    return read(name, false, [&](const Place& at, const nlohmann::json& found) { convert(at, found, value); });
  }
  template <class T>
  JsonReader& required(std::string_view name, T& value, std::type_identity_t<T> min, std::type_identity_t<T> max) {
    return read(name, true, [&](const Place& at, const nlohmann::json& found) { bounded(at, found, value, min, max); });
  }
  template <class T>
  JsonReader& optional(std::string_view name, T& value, std::type_identity_t<T> min, std::type_identity_t<T> max) {
    return read(name, false,
                [&](const Place& at, const nlohmann::json& found) { bounded(at, found, value, min, max); });
  }
  template <class T>
  JsonReader& optional(std::string_view name, std::optional<T>& value, std::type_identity_t<T> min,
                       std::type_identity_t<T> max) {
    return read(name, false,
                [&](const Place& at, const nlohmann::json& found) { bounded(at, found, value.emplace(), min, max); });
  }
  // Texts whose limit is another than the usual one.
  JsonReader& required_text(std::string_view name, std::size_t limit, std::string& value);
  JsonReader& optional_text(std::string_view name, std::size_t limit, std::string& value);
  // Nested objects: `read_fields` is called with their reader; its unknown keys are errors too.
  JsonReader& required_object(std::string_view name, const std::function<void(JsonReader&)>& read_fields);
  JsonReader& optional_object(std::string_view name, const std::function<void(JsonReader&)>& read_fields);
  // An array of objects, at most `limit`; absent or null reads as empty.
  JsonReader& objects(std::string_view name, std::size_t limit, const std::function<void(JsonReader&)>& read_fields);
  // The same into a list: `read_one(JsonReader&, T&)` fills each item.
  template <class T, class ReadOne>
  JsonReader& objects(std::string_view name, std::size_t limit, std::vector<T>& items, ReadOne read_one) {
    return objects(name, limit, [&](JsonReader& item) { read_one(item, items.emplace_back()); });
  }

  // A check of the caller's own: the first error wins.
  JsonReader& check(std::string_view name, bool good, std::string_view message);

  // The first error of all, or Errc::unknown_key for a key that was not read.
  Result<void> finish();

 private:
  // Where a value lies; the path is written out only when it is wrong.
  struct Place {
    static constexpr std::size_t none = static_cast<std::size_t>(-1);
    const Place* outer = nullptr;
    std::string_view name;
    std::size_t index = none;
    std::string path() const;
  };

  JsonReader() = default;
  const nlohmann::json* find(std::string_view name);  // marks it as read; null when absent or JSON null
  Place at(std::string_view name) const { return {place_, name}; }
  std::string path_of(const Place& place) const;
  void fail(const Place& place, std::string_view message);
  void child(const Place& place, const nlohmann::json& value, const std::function<void(JsonReader&)>& read_fields);
  JsonReader& nested(std::string_view name, bool is_required, const std::function<void(JsonReader&)>& read_fields);
  JsonReader& text(std::string_view name, bool is_required, std::size_t limit, std::string& value);

  template <class Take>
  JsonReader& read(std::string_view name, bool is_required, Take take) {
    const nlohmann::json* found = find(name);
    if (found != nullptr) {
      take(at(name), *found);
    } else if (is_required) {
      fail(at(name), "is missing");
    }
    return *this;
  }
  template <class T>
  void out_of_bounds(const Place& place, const T& min, const T& max) {
    fail(place, "must be from " + nlohmann::json(min).dump() + " to " + nlohmann::json(max).dump());
  }
  template <class T>
  void bounded(const Place& place, const nlohmann::json& from, T& to, const T& min, const T& max) {
    if constexpr (std::integral<T>) {
      whole(place, from, to, min, max);
    } else {
      T value{};
      convert(place, from, value);
      if (error_) return;
      if (value < min || max < value) return out_of_bounds(place, min, max);
      to = value;
    }
  }
  template <std::integral T>
  void whole(const Place& place, const nlohmann::json& from, T& to, T min, T max) {
    if (!from.is_number_integer()) return fail(place, "must be a whole number");
    const auto fits = [&](auto value) { return !std::cmp_less(value, min) && !std::cmp_less(max, value); };
    const bool good = from.is_number_unsigned() ? fits(from.get<std::uint64_t>()) : fits(from.get<std::int64_t>());
    if (!good) return out_of_bounds(place, min, max);
    to = from.get<T>();
  }

  void take_text(const Place& place, const nlohmann::json& from, std::size_t limit, std::string& to);
  bool takes_items(const Place& place, std::size_t items);
  void convert(const Place& place, const nlohmann::json& from, std::string& to);
  void convert(const Place& place, const nlohmann::json& from, bool& to);
  void convert(const Place& place, const nlohmann::json& from, double& to);
  void convert(const Place& place, const nlohmann::json& from, Instant& to);         // RFC 3339
  void convert(const Place& place, const nlohmann::json& from, nlohmann::json& to);  // whatever it is
  template <std::integral T>
  void convert(const Place& place, const nlohmann::json& from, T& to) {
    using Limits = std::numeric_limits<T>;
    constexpr bool is_wide = std::cmp_less(largest_count, Limits::max()) && std::unsigned_integral<T>;
    whole(place, from, to, Limits::min(), is_wide ? static_cast<T>(largest_count) : Limits::max());
  }
  template <class T>
  void convert(const Place& place, const nlohmann::json& from, std::optional<T>& to) {
    convert(place, from, to.emplace());
  }
  template <class T>
  void convert(const Place& place, const nlohmann::json& from, std::vector<T>& to) {
    if (!from.is_array()) return fail(place, "must be an array");
    if (!takes_items(place, from.size())) return;
    to.clear();
    to.reserve(from.size());
    for (std::size_t i = 0; i < from.size() && !error_; ++i) {
      T value{};
      convert(place.index == Place::none ? Place{place.outer, place.name, i} : Place{&place, {}, i}, from[i], value);
      to.push_back(std::move(value));
    }
  }
  template <class T, class Less>
  void convert(const Place& place, const nlohmann::json& from, std::map<std::string, T, Less>& to) {
    if (!from.is_object()) return fail(place, "must be an object");
    if (!takes_items(place, from.size())) return;
    to.clear();
    for (const auto& [key, item] : from.get_ref<const nlohmann::json::object_t&>()) {
      T value{};
      convert(Place{&place, key}, item, value);
      if (error_) return;
      to.emplace(key, std::move(value));
    }
  }

  std::unique_ptr<const nlohmann::json> owned_;  // at the top
  const nlohmann::json* object_ = nullptr;
  std::string where_;             // the path of the outermost
  const Place* place_ = nullptr;  // of a nested object: on the stack of who reads it
  UnknownKeys unknown_ = UnknownKeys::refuse;
  std::vector<std::string> seen_;
  std::optional<Error> error_;
};

// A whole text as one value of such a type: {"a": 1} as a map, ["a"] as a list.
template <class T>
Result<T> read_json(std::string_view text, const JsonLimits& limits = stored_json) {
  ARGOSY_TRY(nlohmann::json whole, parse_json(text, limits));
  ARGOSY_TRY(JsonReader in, JsonReader::of({{"value", std::move(whole)}}));
  T value{};
  in.required("value", value);
  ARGOSY_CHECK(in.finish());
  return value;
}

}  // namespace argosy
