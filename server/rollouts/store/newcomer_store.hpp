// Devices that come when the rollouts of a model have completed: which rollouts stand, and who joins them. On DB
// threads. Bounded: some thousand devices in one transaction; a tick without newcomers costs one look at two indexes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/rollouts/core/rollout_engine.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

// Devices that changed, up to `limit`, and the next of those that a rollout has not looked at since it stands: each
// joins what stands for it. Of two servers one goes first.
struct NewcomersTaken {
  bool acted = false;       // there were devices to look at, and something stands
  bool unfinished = false;  // there are more
};
struct TakeNewcomers {
  std::size_t limit = 1000;
  Instant now{};
  Result<NewcomersTaken> operator()(pqxx::work& transaction) const;
};

// The rest is for this folder's *_store.cpp, inside the transaction that holds the rollout's row.

// A completed rollout that was asked to stand does so from now on; older ones of the same devices stand no more.
Result<void> begin_to_stand(pqxx::work& transaction, const RolloutRecord& record, Instant now);
// A newer rollout that stands for all devices of this one, which would stand in vain.
Result<std::optional<std::string>> find_newer_standing(pqxx::work& transaction, const RolloutRecord& record);
// Others of its model, as they are now; at most twenty.
std::vector<RolloutRecord> load_others_that_stand(pqxx::work& transaction, const RolloutRecord& record);
// With the decision; by itself also for the audit log.
void stand_down(pqxx::work& transaction, const RolloutRecord& record, const std::string& actor,
                const Decision& decision, Instant now);
void stand_down_by_itself(pqxx::work& transaction, const RolloutRecord& record, const Decision& decision, Instant now);
// Devices that a rollout of the model kept from what stands are looked at anew: it tells them nothing now.
void look_for_newcomers_again(pqxx::work& transaction, const std::string& model);

// What a snapshot of a completed rollout has of newcomers, and up to where their outcomes are judged with it.
struct NewcomersSeen {
  Counts latest{};
  std::optional<Instant> up_to{};
};
NewcomersSeen load_newcomers(pqxx::work& transaction, const RolloutRecord& record);
void keep_judged(pqxx::work& transaction, const RolloutRecord& record);
bool has_untold_newcomers(pqxx::work& transaction, const RolloutRecord& record);
void dismiss_newcomers(pqxx::work& transaction, const RolloutRecord& record, Instant now);

}  // namespace argosy::server
