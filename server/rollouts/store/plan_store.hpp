// Who takes part in a rollout, and in which wave: plan_waves of core/wave_plan over the devices that match now, kept as
// rows of rollout_devices. What is kept already stays; only what differs is written, so that a plan may be begun anew
// at any time. For this folder's *_store.cpp, on DB threads.
//
// Where few devices match, the plan is made inside the transaction that asks for it. Otherwise that leaves a row in
// rollout_plans, and whoever leads makes the plan in pieces, each in a transaction of its own (planning_store.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/rollouts/core/rollout_record.hpp"
#include "server/rollouts/core/wave_plan.hpp"

namespace argosy::server {

inline constexpr std::size_t planned_at_once = 5000;  // devices; of more the plan is made in pieces

struct PlanDifference {         // between a plan and its rows
  std::vector<Assignment> set;  // new, or of another wave
  std::vector<std::string> gone;
  std::int64_t total = 0;  // devices of the plan
};

// The waves, with nobody in them: what share a count of devices is, the plan tells.
void insert_waves(pqxx::work& transaction, std::int64_t rollout, const Policy& policy);
// Makes the plan, or notes that it is to be made; of a rollout whose row is locked. Errc::filter_syntax.
Result<void> plan_now_or_later(pqxx::work& transaction, const RolloutRecord& record);
// Over all devices that match, however many. Errc::filter_syntax.
Result<PlanDifference> compare_plan(pqxx::work& transaction, const RolloutRecord& record);
// Rows of these; a device that was revoked meanwhile gets none.
void write_plan(pqxx::work& transaction, std::int64_t rollout, const std::vector<Assignment>& set,
                const std::vector<std::string>& gone);
// The waves' counts from the rows, and their shares of the `total` devices that were planned; of a rollout whose row is
// locked and whose plan nobody else writes.
Result<void> count_plan(pqxx::work& transaction, const RolloutRecord& record, std::int64_t total);

}  // namespace argosy::server
