// How times lie in rows, for this folder's *_store.cpp.
#pragma once

#include <string>
#include <string_view>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"

namespace argosy::server {

// SQL for a time as milliseconds since 1970; 0 instead of null.
inline std::string unix_ms(std::string_view column) {
  return "coalesce((extract(epoch from " + std::string(column) + ") * 1000)::bigint, 0)";
}

inline Instant time_of(const pqxx::field& field) {
  return instant_from_ms(field.as<std::int64_t>());
}

}  // namespace argosy::server
