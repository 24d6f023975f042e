// A rollout on its way from draft to running. For this folder's *_store.cpp, on DB threads, inside the transaction that
// holds the rollout's row.
#pragma once

#include <string>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "server/rollouts/core/rollout_engine.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

// Makes the plan, or makes it anew: the fleet may have changed. Keeps what its canary can find out.
Result<void> plan_again(pqxx::work& transaction, RolloutRecord& record, Instant now);
// Opens the first wave; the decision says `how` it came to that, and for how many.
void launch(pqxx::work& transaction, const RolloutRecord& record, const std::string& actor, const std::string& rule,
            const std::string& how, Instant now);
// "... for 12 devices, 1 in the first wave", or that they are being planned.
std::string for_whom(const RolloutRecord& record);
// A scheduled rollout, whose time has come: to running, or back to draft when nobody is left to tell, or its canary
// could not come to a verdict any more.
Result<void> launch_scheduled(pqxx::work& transaction, RolloutRecord record, const Start& start,
                              const std::string& actor, Instant now);
// When it is to start, and who approved that; empty: nobody yet.
void set_launch(pqxx::work& transaction, const RolloutRecord& record, std::optional<Instant> start_at,
                const std::string& approved_by);

}  // namespace argosy::server
