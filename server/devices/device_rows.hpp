// How devices' labels lie in rows, for this folder's *_store.cpp. Pure, on any thread. Times, nulls, arrays and enums:
// server/db/rows.hpp.
#pragma once

#include <string>

#include <nlohmann/json.hpp>
#include <pqxx/pqxx>

#include "server/devices/device.hpp"

namespace argosy::server {

inline Labels labels_of(const pqxx::field& field) {
  return decode_labels(field.as<std::string>("{}"));
}

inline std::string labels_json(const Labels& labels) {
  return nlohmann::json(labels).dump();
}

}  // namespace argosy::server
