// How earlier rollouts of a release ended. For this folder's *_store.cpp, on DB threads.
#pragma once

#include <vector>

#include <pqxx/pqxx>

#include "server/rollouts/core/earlier_trouble.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

// Of those that were made before this one, the newest ten in which something went wrong, newest first.
std::vector<EarlierTrouble> load_earlier_troubles(pqxx::work& transaction, const RolloutRecord& record);

}  // namespace argosy::server
