#include "server/rollouts/strict_object.hpp"

#include <cmath>
#include <utility>

namespace argosy::server {
namespace {

std::string bounds(const std::string& value, const std::string& low, const std::string& high) {
  return value + " is outside " + low + " to " + high;
}

std::string text_of(double number) {
  return nlohmann::json(number).dump();
}

}  // namespace

StrictObject::StrictObject(const nlohmann::json& object, std::string path) : object_(object), path_(std::move(path)) {
  if (!object_.is_object()) error_ = make_error(Errc::invalid_argument, path_ + ": must be an object");
}

std::string StrictObject::path_of(std::string_view key) const {
  return path_ + "." + std::string(key);
}

void StrictObject::fail(Errc code, std::string_view key, const std::string& what) {
  if (!error_) error_ = make_error(code, path_of(key) + ": " + what);
}

const nlohmann::json* StrictObject::member(std::string_view key) {
  if (error_) return nullptr;
  known_.emplace(key);
  const auto found = object_.find(std::string(key));
  return found == object_.end() ? nullptr : &*found;
}

void StrictObject::read(std::string_view key, bool& into) {
  const auto* value = member(key);
  if (value == nullptr) return;
  if (!value->is_boolean()) return fail(Errc::invalid_argument, key, "must be true or false");
  into = value->get<bool>();
}

void StrictObject::read(std::string_view key, std::string& into, std::size_t max_size) {
  const auto* value = member(key);
  if (value == nullptr) return;
  if (!value->is_string()) return fail(Errc::invalid_argument, key, "must be a string");
  const auto& text = value->get_ref<const std::string&>();
  if (text.size() > max_size) {
    return fail(Errc::invalid_argument, key, "longer than " + std::to_string(max_size) + " bytes");
  }
  into = text;
}

void StrictObject::read(std::string_view key, double& into, double low, double high) {
  const auto* value = member(key);
  if (value == nullptr) return;
  if (!value->is_number()) return fail(Errc::invalid_argument, key, "must be a number");
  const auto number = value->get<double>();
  if (!std::isfinite(number) || number < low || number > high) {
    return fail(Errc::invalid_argument, key, bounds(value->dump(), text_of(low), text_of(high)));
  }
  into = number;
}

void StrictObject::read(std::string_view key, std::optional<double>& into, double low, double high) {
  const auto* value = member(key);
  if (value == nullptr) return;
  if (value->is_null()) {
    into.reset();
    return;
  }
  double number = low;
  read(key, number, low, high);
  into = number;
}

void StrictObject::read_integer(std::string_view key, std::int64_t& into, std::int64_t low, std::int64_t high) {
  const auto* value = member(key);
  if (value == nullptr) return;
  if (!value->is_number_integer()) return fail(Errc::invalid_argument, key, "must be a whole number");
  const bool huge = value->is_number_unsigned() && value->get<std::uint64_t>() > static_cast<std::uint64_t>(high);
  const auto number = value->get<std::int64_t>();
  if (huge || number < low || number > high) {
    return fail(Errc::invalid_argument, key, bounds(value->dump(), std::to_string(low), std::to_string(high)));
  }
  into = number;
}

const nlohmann::json* StrictObject::array(std::string_view key, std::size_t max_size) {
  const auto* value = member(key);
  if (value == nullptr) return nullptr;
  if (!value->is_array()) {
    fail(Errc::invalid_argument, key, "must be a list");
    return nullptr;
  }
  if (value->size() > max_size) {
    fail(Errc::invalid_argument, key, "more than " + std::to_string(max_size) + " entries");
    return nullptr;
  }
  return value;
}

const nlohmann::json* StrictObject::object(std::string_view key) {
  const auto* value = member(key);
  if (value == nullptr) return nullptr;
  if (!value->is_object()) {
    fail(Errc::invalid_argument, key, "must be an object");
    return nullptr;
  }
  return value;
}

Result<void> StrictObject::finish() const {
  if (error_) return *error_;
  for (const auto& [key, value] : object_.items()) {
    if (known_.count(key) != 0) continue;
    std::string all;
    for (const auto& name : known_) all += (all.empty() ? "" : ", ") + name;
    return make_error(Errc::unknown_key, path_of(key) + ": unknown; known are " + all);
  }
  return {};
}

}  // namespace argosy::server
