#include "common/json/json_text.hpp"

#include <utility>
#include <vector>

#include "common/base/text.hpp"

namespace argosy {

namespace {

using Json = nlohmann::json;

constexpr std::size_t reason_bytes = 200;

// nlohmann's words without its own "[json.exception...] " mark and without what it read last, which may be megabytes.
std::string reason_of(std::string_view what) {
  if (const auto mark = what.find("] "); mark != std::string_view::npos) what.remove_prefix(mark + 2);
  what = what.substr(0, what.find("; last read: "));
  return shortened(what, reason_bytes);
}

// Builds the document while it is parsed. A callback that answers false ends the parsing.
class Builder {
 public:
  using number_integer_t = Json::number_integer_t;
  using number_unsigned_t = Json::number_unsigned_t;
  using number_float_t = Json::number_float_t;
  using string_t = Json::string_t;
  using binary_t = Json::binary_t;

  explicit Builder(const JsonLimits& limits) : limits_(limits) {}

  bool null() { return put(nullptr) != nullptr; }
  bool boolean(bool value) { return put(value) != nullptr; }
  bool number_integer(number_integer_t value) { return put(value) != nullptr; }
  bool number_unsigned(number_unsigned_t value) { return put(value) != nullptr; }
  bool number_float(number_float_t value, const string_t&) { return put(value) != nullptr; }
  bool string(string_t& value) { return is_free_of_nul(value) && put(std::move(value)) != nullptr; }
  bool binary(binary_t&) { return refuse("binary data is not JSON"); }
  bool start_object(std::size_t) { return open(Json::object()); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(string_t& name) {
    if (!is_free_of_nul(name) || !count()) return false;
    auto& members = open_.back()->get_ref<Json::object_t&>();
    const auto [place, is_new] = members.emplace(std::move(name), nullptr);
    if (!is_new) return refuse("the key \"" + shortened(place->first) + "\" comes twice");
    member_ = &place->second;
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) {
    return refuse(reason_of(error.what()));
  }

  Json document;
  std::string fault;

 private:
  bool refuse(std::string reason) {
    if (fault.empty()) fault = std::move(reason);
    return false;
  }
  bool is_free_of_nul(const std::string& text) {
    return text.find('\0') == std::string::npos || refuse("the JSON holds a NUL character, which no text may");
  }
  bool count() {
    return ++values_ <= limits_.values ||
           refuse("the JSON holds more than " + std::to_string(limits_.values) + " values");
  }

  Json* put(Json value) {
    if (!count()) return nullptr;
    if (open_.empty()) return &(document = std::move(value));
    if (open_.back()->is_array()) return &open_.back()->get_ref<Json::array_t&>().emplace_back(std::move(value));
    *member_ = std::move(value);
    return member_;
  }
  bool open(Json container) {
    if (open_.size() >= limits_.depth)
      return refuse("the JSON is nested deeper than " + std::to_string(limits_.depth) + " levels");
    Json* placed = put(std::move(container));
    if (placed == nullptr) return false;
    open_.push_back(placed);
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  const JsonLimits& limits_;
  std::size_t values_ = 0;
  std::vector<Json*> open_;  // from the outermost; none of them moves while it is open
  Json* member_ = nullptr;
};

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes)
    return make_error(Errc::too_large, "the JSON has " + std::to_string(text.size()) + " bytes; the limit is " +
                                           std::to_string(limits.bytes));
  Builder builder(limits);
  if (!Json::sax_parse(text, &builder)) return make_error(Errc::malformed_json, std::move(builder.fault));
  return {boost::system::in_place_value, std::move(builder.document)};
}

Json json_or_null(std::string_view stored) {
  auto document = parse_json(stored, stored_json);
  return document ? std::move(*document) : Json();
}

std::string write_json(const Json& document) {
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace argosy
