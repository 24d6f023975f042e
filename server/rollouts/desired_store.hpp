// The SQL behind desired documents: device_targets joined with releases, variants, patches and the rollout's
// probation. Writes devices.published_rev, and raises desired_rev where a new patch is to be offered. One transaction a
// method, on a DB thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/wire/desired.hpp"
#include "server/http/router.hpp"

namespace argosy::server {

class DbPool;

struct PublishedRev {
  std::string device;
  std::int64_t rev = 0;
};

class DesiredStore {
 public:
  explicit DesiredStore(DbPool& db) : db_(db) {}

  Task<Result<wire::Desired>> get(std::string device);
  Task<Result<std::vector<wire::Desired>>> due(std::size_t limit);
  Task<Result<void>> mark_published(std::vector<PublishedRev> published);
  Task<Result<std::size_t>> mark_all_due();
  Task<Result<std::size_t>> offer_new_patches(std::size_t limit);

 private:
  DbPool& db_;
};

}  // namespace argosy::server
