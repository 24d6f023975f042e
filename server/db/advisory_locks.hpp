// Every advisory lock of argosyd, and what it guards. PostgreSQL knows them by number alone: two guards of one number
// would wait for each other. So all numbers, and all calls of the lock functions, stand here; scripts/check-layering
// refuses them elsewhere. Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace argosy::server::advisory_lock {

// The lock of the fence (fence.hpp) that goes with the lock `key` of whoever leads.
constexpr std::int64_t fence_beside(std::int64_t key) {
  return key + 1;
}

// Held by a session.
inline constexpr std::int64_t migrations = 4711370001;  // migrating: one argosyd at a time
inline constexpr std::int64_t leader = 4711370002;      // leading: whose session holds it
// Held until a transaction ends. That of the fence is shared by the transactions of a term, and the next term waits for
// them; so no other guard may have its number.
inline constexpr std::int64_t leader_fence = fence_beside(leader);
inline constexpr std::int64_t audit_sealer = 4711370004;       // sealing the audit log
inline constexpr std::int64_t telemetry_partitions = 7102001;  // making and dropping partitions
inline constexpr std::int64_t alerts = 7102002;                // judging alerts
inline constexpr std::int64_t drift = 7102003;                 // judging drift
inline constexpr std::int64_t rollout_reach = 7102004;         // carrying presence over to the rows of rollouts

inline constexpr std::array all{migrations,           leader, leader_fence, audit_sealer,
                                telemetry_partitions, alerts, drift,        rollout_reach};

constexpr bool all_differ() {
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = i + 1; j < all.size(); ++j)
      if (all[i] == all[j]) return false;
  return true;
}
static_assert(all_differ());

// The statements that take a lock. Those that try answer whether they got it; the others wait.
inline std::string wait_in_session(std::int64_t key) {
  return "select pg_advisory_lock(" + std::to_string(key) + ")";
}
inline std::string try_in_session(std::int64_t key) {
  return "select pg_try_advisory_lock(" + std::to_string(key) + ")";
}
inline std::string wait_in_transaction(std::int64_t key) {
  return "select pg_advisory_xact_lock(" + std::to_string(key) + ")";
}
inline std::string share_in_transaction(std::int64_t key) {
  return "select pg_advisory_xact_lock_shared(" + std::to_string(key) + ")";
}
inline std::string try_in_transaction(std::int64_t key) {
  return "select pg_try_advisory_xact_lock(" + std::to_string(key) + ")";
}

}  // namespace argosy::server::advisory_lock
