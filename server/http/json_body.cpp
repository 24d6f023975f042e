#include "server/http/json_body.hpp"

#include <cmath>

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr int max_depth = 64;
constexpr std::string_view field_mark = "field '";

bool too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > max_depth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

// nlohmann's words after its own "[json.exception...] " mark.
std::string reason(const std::exception& exception) {
  const std::string_view what = exception.what();
  const std::size_t end = what.find("] ");
  return std::string(end == std::string_view::npos ? what : what.substr(end + 2));
}

}  // namespace

Error field_error(std::string_view field, std::string_view message, Errc code) {
  return make_error(code, std::string(field_mark) + std::string(field) + "' " + std::string(message));
}

std::optional<NamedField> named_field(const Error& error) {
  std::string_view text = error.message;
  if (!text.starts_with(field_mark)) return std::nullopt;
  text.remove_prefix(field_mark.size());
  const std::size_t end = text.find("' ");
  if (end == std::string_view::npos) return std::nullopt;
  return NamedField{std::string(text.substr(0, end)), std::string(text.substr(end + 2))};
}

Result<json> parse_json(std::string_view text) {
  if (too_deep(text)) {
    return make_error(Errc::malformed_json, "the JSON is nested deeper than " + std::to_string(max_depth) + " levels");
  }
  try {
    return {boost::system::in_place_value, json::parse(text)};
  } catch (const json::exception& exception) {
    return make_error(Errc::malformed_json, reason(exception));
  }
}

Result<JsonReader> JsonReader::parse(std::string_view text) {
  ARGOSY_TRY(json document, parse_json(text));
  return of(std::move(document));
}

Result<JsonReader> JsonReader::of(json object, std::string where) {
  if (!object.is_object()) {
    if (where.empty()) return make_error(Errc::malformed_json, "the body must be a JSON object");
    return field_error(where, "must be an object");
  }
  JsonReader reader;
  reader.object_ = std::move(object);
  reader.where_ = std::move(where);
  return reader;
}

bool JsonReader::has(std::string_view name) const {
  const auto found = object_.find(name);
  return found != object_.end() && !found->is_null();
}

const json* JsonReader::find(std::string_view name) {
  seen_.emplace(name);
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

std::string JsonReader::path(std::string_view name) const {
  return where_.empty() ? std::string(name) : where_ + "." + std::string(name);
}

void JsonReader::fail(std::string_view name, std::string_view message) {
  if (!error_) error_ = field_error(path(name), message);
}

void JsonReader::absorb(JsonReader& child) {
  auto outcome = child.finish();
  if (!outcome && !error_) error_ = std::move(outcome).error();
}

JsonReader& JsonReader::nested(std::string_view name, bool is_required,
                               const std::function<void(JsonReader&)>& read_fields) {
  const json* found = find(name);
  if (found == nullptr) {
    if (is_required) fail(name, "is missing");
    return *this;
  }
  auto child = of(*found, path(name));
  if (!child) {
    fail(name, "must be an object");
    return *this;
  }
  read_fields(*child);
  absorb(*child);
  return *this;
}

JsonReader& JsonReader::required_object(std::string_view name, const std::function<void(JsonReader&)>& read_fields) {
  return nested(name, true, read_fields);
}

JsonReader& JsonReader::optional_object(std::string_view name, const std::function<void(JsonReader&)>& read_fields) {
  return nested(name, false, read_fields);
}

JsonReader& JsonReader::objects(std::string_view name, std::size_t limit,
                                const std::function<void(JsonReader&)>& read_fields) {
  const json* found = find(name);
  if (found == nullptr) return *this;
  if (!found->is_array()) {
    fail(name, "must be an array of objects");
    return *this;
  }
  if (found->size() > limit) {
    fail(name, "must hold at most " + std::to_string(limit) + " objects, not " + std::to_string(found->size()));
    return *this;
  }
  for (std::size_t i = 0; i < found->size(); ++i) {
    const std::string item = std::string(name) + "[" + std::to_string(i) + "]";
    auto child = of((*found)[i], path(item));
    if (!child) {
      fail(item, "must be an object");
      return *this;
    }
    read_fields(*child);
    absorb(*child);
  }
  return *this;
}

JsonReader& JsonReader::check(std::string_view name, bool good, std::string_view message) {
  if (!good) fail(name, message);
  return *this;
}

Result<void> JsonReader::finish() {
  if (error_) return *error_;
  for (const auto& [key, value] : object_.items()) {
    if (seen_.count(key) != 0) continue;
    std::string known;
    for (const std::string& name : seen_) known += (known.empty() ? "" : ", ") + name;
    return field_error(path(key), "is not known here; known are: " + known, Errc::unknown_key);
  }
  return {};
}

JsonReader& JsonReader::required_text(std::string_view name, std::size_t limit, std::string& value) {
  const json* found = find(name);
  if (found != nullptr) {
    take_text(name, *found, limit, value);
  } else {
    fail(name, "is missing");
  }
  return *this;
}

void JsonReader::take_text(std::string_view name, const json& from, std::size_t limit, std::string& to) {
  if (!from.is_string()) return fail(name, "must be text");
  const auto& text = from.get_ref<const std::string&>();
  if (text.size() > limit) return fail(name, "must be at most " + std::to_string(limit) + " bytes of text");
  if (text.find('\0') != std::string::npos) return fail(name, "must not hold a NUL character");
  to = text;
}

void JsonReader::convert(std::string_view name, const json& from, std::string& to) {
  take_text(name, from, default_text_limit, to);
}

void JsonReader::convert(std::string_view name, const json& from, bool& to) {
  if (!from.is_boolean()) return fail(name, "must be true or false");
  to = from.get<bool>();
}

void JsonReader::convert(std::string_view name, const json& from, double& to) {
  if (!from.is_number() || !std::isfinite(from.get<double>())) return fail(name, "must be a number");
  to = from.get<double>();
}

void JsonReader::convert(std::string_view name, const json& from, std::int64_t& to) {
  const bool fits = from.is_number_integer() &&
                    !(from.is_number_unsigned() &&
                      from.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
  if (!fits) return fail(name, "must be a whole number");
  to = from.get<std::int64_t>();
}

void JsonReader::convert(std::string_view name, const json& from, std::uint64_t& to) {
  if (!from.is_number_unsigned()) return fail(name, "must be a whole number that is not negative");
  to = from.get<std::uint64_t>();
}

void JsonReader::convert(std::string_view name, const json& from, int& to) {
  std::int64_t wide = to;
  convert(name, from, wide);
  if (wide < std::numeric_limits<int>::min() || wide > std::numeric_limits<int>::max()) {
    return fail(name, "is out of range");
  }
  to = static_cast<int>(wide);
}

void JsonReader::convert(std::string_view name, const json& from, std::uint32_t& to) {
  std::uint64_t wide = to;
  convert(name, from, wide);
  if (wide > std::numeric_limits<std::uint32_t>::max()) return fail(name, "is out of range");
  to = static_cast<std::uint32_t>(wide);
}

void JsonReader::convert(std::string_view name, const json& from, Instant& to) {
  std::string text;
  convert(name, from, text);
  auto at = parse_rfc3339(text);
  if (!at) return fail(name, "must be a time such as 2026-01-31T09:30:00Z");
  to = *at;
}

void JsonReader::convert(std::string_view, const json& from, json& to) {
  to = from;
}

}  // namespace argosy::server
