// The SQL behind desired documents: what is due, most urgent first, built and encoded for a batch at once. Writes
// desired_due. Functors for DbPool::transact, run on the DB threads; each may be repeated, and costs what its batch
// holds, whatever else is due.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/wire/desired.hpp"
#include "server/rollouts/desired/desired_builder_store.hpp"

namespace argosy::server {

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

struct GetDesired {  // Errc::not_found
  ReleaseCache& cache;
  std::string device;
  Result<wire::Desired> operator()(pqxx::work& transaction) const;
};

// Stops before all else; nobody whom a stopped rollout still counts on but who is to be told of the stop first. A
// document that cannot be built is put off, with the reason and an event.
struct BuildDueDocuments {
  ReleaseCache& cache;
  std::size_t limit = 0;
  DueBatch operator()(pqxx::work& transaction) const;
};

// Of devices behind `after` that were ever told something and are not due: what the broker should hold of them.
struct BuildToldDocuments {
  ReleaseCache& cache;
  std::string after;
  std::size_t limit = 0;
  DueBatch operator()(pqxx::work& transaction) const;
};

struct MarkPublished {
  std::vector<DueDocument> published;
  void operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
