// What an operator saw of a rollout and accepted, the last time that one resumed it, promoted it or retried devices.
// For this folder's *_store.cpp, on DB threads, inside the transaction that holds the rollout's row.
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json_fwd.hpp>
#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "server/rollouts/core/rollout_engine.hpp"

namespace argosy::server {

// Nothing when nobody has, or what is kept cannot be read: it was not accepted then.
Acknowledged load_acknowledged(pqxx::work& transaction, std::int64_t rollout);
void keep_acknowledged(pqxx::work& transaction, std::int64_t rollout, const std::string& actor,
                       const Acknowledged& seen, Instant now);
// For the decision log: {"failures": [...], "guards": [...]}.
nlohmann::json acknowledged_to_json(const Acknowledged& seen);

}  // namespace argosy::server
