// The SQL of what devices report of their rollouts: a functor for DbPool::transact, run on a DB thread. It owns its
// arguments and may be repeated; each outcome is counted once.
#pragma once

#include <cstddef>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "common/wire/state.hpp"

namespace argosy::server {

struct TakeDeviceReports {  // a batch of state documents; answers how many devices moved
  std::vector<wire::DeviceState> states;
  Instant now;
  std::size_t operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
