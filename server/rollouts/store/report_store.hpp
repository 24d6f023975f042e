// What devices report of their rollouts: a batch of state documents in one transaction on a DB thread, each outcome
// counted once, repeatable after a lost connection; resumes on the I/O thread.
#pragma once

#include <cstddef>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/wire/state.hpp"
#include "server/base/task.hpp"

namespace argosy::server {

class DbPool;

// Answers how many devices moved.
Task<Result<std::size_t>> take_device_reports(DbPool& db, std::vector<wire::DeviceState> states, Instant now);

}  // namespace argosy::server
