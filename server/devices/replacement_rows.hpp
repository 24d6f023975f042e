// How a board that asks for a device's place lies in a row, for this folder's *_store.cpp. Pure, on any thread.
#pragma once

#include <string>

#include <pqxx/pqxx>

#include "server/db/rows.hpp"
#include "server/devices/replacement.hpp"

namespace argosy::server {

inline const std::string select_replacement = R"sql(
  select r.device_id, r.state, r.key_sha256, r.hardware_class, r.board, r.address, r.claim_id, r.asked_at,
    r.last_asked_at, r.settled_at, r.settled_by
  from replacements r
  join claims c on c.id = r.claim_id and c.revoked_at is null
)sql";

inline Replacement replacement_of(const pqxx::row& row) {
  Replacement one;
  one.device = DeviceId{row["device_id"].as<std::string>()};
  one.state = enum_of(row["state"], parse_replacement_state);
  one.key_sha256 = row["key_sha256"].as<std::string>();
  one.hardware_class = row["hardware_class"].as<std::string>();
  one.board = row["board"].as<std::string>();
  one.address = row["address"].as<std::string>();
  one.claim = row["claim_id"].as<std::int64_t>();
  one.asked_at = row["asked_at"].as<Instant>();
  one.last_asked_at = row["last_asked_at"].as<Instant>();
  one.settled_at = optional_of<Instant>(row["settled_at"]);
  one.settled_by = row["settled_by"].as<std::string>("");
  return one;
}

}  // namespace argosy::server
