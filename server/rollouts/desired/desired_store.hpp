// The SQL behind desired documents: what is due, most urgent first, built and encoded for a batch at once. Writes
// desired_due. One transaction a method, on a DB thread; each costs what its batch holds, whatever else is due.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/wire/desired.hpp"
#include "server/base/task.hpp"
#include "server/rollouts/desired/desired_builder_store.hpp"

namespace argosy::server {

class DbPool;

struct DueDocument {
  std::string device;
  std::int64_t rev = 0;
  std::string payload;  // encoded
};

struct DueBatch {
  std::vector<DueDocument> documents;
  std::size_t looked_at = 0;    // devices; fewer than were asked for: there are no more
  std::size_t unbuildable = 0;  // of them; they wait and are tried again
  std::string last;             // device that was looked at
};

class DesiredStore {
 public:
  DesiredStore(DbPool& db, ReleaseCache& cache) : db_(db), cache_(cache) {}

  Task<Result<wire::Desired>> get(std::string device);
  // Stops before all else; nobody whom a stopped rollout still counts on but who is to be told of the stop first. A
  // document that cannot be built is put off, with the reason and an event.
  Task<Result<DueBatch>> due(std::size_t limit);
  // Of devices behind `after` that were ever told something and are not due: what the broker should hold of them.
  Task<Result<DueBatch>> told(std::string after, std::size_t limit);
  Task<Result<void>> mark_published(std::vector<DueDocument> published);

 private:
  DbPool& db_;
  ReleaseCache& cache_;
};

}  // namespace argosy::server
