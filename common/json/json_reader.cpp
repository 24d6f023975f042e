#include "common/json/json_reader.hpp"

#include <algorithm>
#include <cmath>

#include "common/base/text.hpp"

namespace argosy {

namespace {

using nlohmann::json;

constexpr std::string_view field_mark = "field '";
constexpr std::size_t shown_name_bytes = 64;

std::string joined(const std::string& front, const std::string& back) {
  return front.empty() || back.empty() ? front + back : front + "." + back;
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

// A name may be a key that somebody else chose.
std::string JsonReader::Place::path() const {
  std::string path = joined(outer == nullptr ? std::string() : outer->path(), shortened(name, shown_name_bytes));
  if (index != none) path += "[" + std::to_string(index) + "]";
  return path;
}

Result<JsonReader> JsonReader::parse(std::string_view text, const JsonLimits& limits, UnknownKeys unknown) {
  ARGOSY_TRY(json document, parse_json(text, limits));
  return of(std::move(document), {}, unknown);
}

Result<JsonReader> JsonReader::of(json object, std::string where, UnknownKeys unknown) {
  if (!object.is_object()) {
    if (where.empty()) return make_error(Errc::malformed_json, "the body must be a JSON object");
    return field_error(where, "must be an object");
  }
  JsonReader reader;
  reader.owned_ = std::make_unique<const json>(std::move(object));
  reader.object_ = reader.owned_.get();
  reader.where_ = std::move(where);
  reader.unknown_ = unknown;
  return reader;
}

bool JsonReader::has(std::string_view name) const {
  const auto found = object_->find(name);
  return found != object_->end() && !found->is_null();
}

const json* JsonReader::find(std::string_view name) {
  if (unknown_ == UnknownKeys::refuse) seen_.emplace_back(name);
  const auto found = object_->find(name);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

std::string JsonReader::path_of(const Place& place) const {
  return joined(where_, place.path());
}

void JsonReader::fail(const Place& place, std::string_view message) {
  if (!error_) error_ = field_error(path_of(place), message);
}

void JsonReader::child(const Place& place, const json& value, const std::function<void(JsonReader&)>& read_fields) {
  if (!value.is_object()) return fail(place, "must be an object");
  JsonReader inner;
  inner.object_ = &value;
  inner.where_ = where_;
  inner.place_ = &place;
  inner.unknown_ = unknown_;
  read_fields(inner);
  auto outcome = inner.finish();
  if (!outcome && !error_) error_ = std::move(outcome).error();
}

JsonReader& JsonReader::nested(std::string_view name, bool is_required,
                               const std::function<void(JsonReader&)>& read_fields) {
  return read(name, is_required, [&](const Place& place, const json& found) { child(place, found, read_fields); });
}

JsonReader& JsonReader::required_object(std::string_view name, const std::function<void(JsonReader&)>& read_fields) {
  return nested(name, true, read_fields);
}

JsonReader& JsonReader::optional_object(std::string_view name, const std::function<void(JsonReader&)>& read_fields) {
  return nested(name, false, read_fields);
}

JsonReader& JsonReader::objects(std::string_view name, std::size_t limit,
                                const std::function<void(JsonReader&)>& read_fields) {
  return read(name, false, [&](const Place& place, const json& found) {
    if (!found.is_array()) return fail(place, "must be an array of objects");
    if (found.size() > limit)
      return fail(place,
                  "must hold at most " + std::to_string(limit) + " objects, not " + std::to_string(found.size()));
    for (std::size_t i = 0; i < found.size() && !error_; ++i)
      child(Place{place.outer, place.name, i}, found[i], read_fields);
  });
}

JsonReader& JsonReader::check(std::string_view name, bool good, std::string_view message) {
  if (!good) fail(at(name), message);
  return *this;
}

Result<void> JsonReader::finish() {
  if (error_) return *error_;
  if (unknown_ == UnknownKeys::pass) return {};
  for (const auto& [key, value] : object_->get_ref<const json::object_t&>()) {
    if (std::find(seen_.begin(), seen_.end(), key) != seen_.end()) continue;
    std::sort(seen_.begin(), seen_.end());
    seen_.erase(std::unique(seen_.begin(), seen_.end()), seen_.end());
    std::string known;
    for (const std::string& name : seen_) known += (known.empty() ? "" : ", ") + name;
    return field_error(path_of(at(key)), "is not known here; known are: " + known, Errc::unknown_key);
  }
  return {};
}

JsonReader& JsonReader::text(std::string_view name, bool is_required, std::size_t limit, std::string& value) {
  return read(name, is_required, [&](const Place& place, const json& found) { take_text(place, found, limit, value); });
}

JsonReader& JsonReader::required_text(std::string_view name, std::size_t limit, std::string& value) {
  return text(name, true, limit, value);
}

JsonReader& JsonReader::optional_text(std::string_view name, std::size_t limit, std::string& value) {
  return text(name, false, limit, value);
}

void JsonReader::take_text(const Place& place, const json& from, std::size_t limit, std::string& to) {
  if (!from.is_string()) return fail(place, "must be text");
  const auto& text = from.get_ref<const std::string&>();
  if (text.size() > limit) return fail(place, "must be at most " + std::to_string(limit) + " bytes of text");
  to = text;
}

bool JsonReader::takes_items(const Place& place, std::size_t items) {
  if (items > default_list_limit)
    fail(place, "must hold at most " + std::to_string(default_list_limit) + " items, not " + std::to_string(items));
  return items <= default_list_limit;
}

void JsonReader::convert(const Place& place, const json& from, std::string& to) {
  take_text(place, from, default_text_limit, to);
}

void JsonReader::convert(const Place& place, const json& from, bool& to) {
  if (!from.is_boolean()) return fail(place, "must be true or false");
  to = from.get<bool>();
}

void JsonReader::convert(const Place& place, const json& from, double& to) {
  if (!from.is_number() || !std::isfinite(from.get<double>())) return fail(place, "must be a number");
  to = from.get<double>();
}

void JsonReader::convert(const Place& place, const json& from, Instant& to) {
  if (!from.is_string()) return fail(place, "must be text");
  const auto at = parse_rfc3339(from.get_ref<const std::string&>());
  if (!at) return fail(place, "must be a time from 1970 to 9999 such as 2026-01-31T09:30:00Z");
  to = *at;
}

void JsonReader::convert(const Place&, const json& from, json& to) {
  to = from;
}

}  // namespace argosy
