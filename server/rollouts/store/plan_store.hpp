// Writes who is in which wave of a rollout. For this folder's *_store.cpp, on DB threads.
#pragma once

#include <cstdint>

#include <pqxx/pqxx>

#include "server/devices/filter.hpp"
#include "server/rollouts/core/policy.hpp"

namespace argosy::server {

// Replaces the plan: all devices that match now and are not revoked. Answers how many.
std::int64_t plan_devices(pqxx::work& transaction, std::int64_t rollout, const Filter& filter, const Policy& policy,
                          std::uint64_t seed);

}  // namespace argosy::server
