// How devices' values lie in rows, for this folder's *_store.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "server/devices/device.hpp"

namespace argosy::server {

// SQL for a time as milliseconds since 1970, or null.
inline std::string ms_of(std::string_view column) {
  return "(extract(epoch from " + std::string(column) + ") * 1000)::bigint";
}

inline std::optional<Instant> optional_instant(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return instant_from_ms(field.as<std::int64_t>());
}

inline Instant instant(const pqxx::field& field) {
  return optional_instant(field).value_or(Instant{});
}

inline Labels labels_of(const pqxx::field& field) {
  return decode_labels(field.as<std::string>("{}"));
}

inline std::string labels_json(const Labels& labels) {
  return nlohmann::json(labels).dump();
}

}  // namespace argosy::server
