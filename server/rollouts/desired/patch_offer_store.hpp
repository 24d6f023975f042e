// Offers patches that became ready to devices that were told before. One transaction on a DB thread, repeatable after a
// lost connection; resumes on the I/O thread.
#pragma once

#include <cstddef>

#include "common/base/error.hpp"
#include "server/base/task.hpp"
#include "server/rollouts/desired/desired_builder_store.hpp"

namespace argosy::server {

class DbPool;

// Looks at no more than `limit` devices, the next call goes on; answers how many documents are due for it.
Task<Result<std::size_t>> offer_patches(DbPool& db, ReleaseCache& cache, std::size_t limit);

}  // namespace argosy::server
