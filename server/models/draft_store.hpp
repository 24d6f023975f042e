// The SQL of drafts: functors for DbPool::transact, run on the DB threads. A draft lies apart from releases.
#pragma once

#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/models/model_service.hpp"

namespace argosy::server {

inline constexpr std::int64_t most_drafts = 50;  // of a model

// Anew, or in place of the draft of that version. The content's sizes are filled in.
struct KeepDraft {
  std::string model;
  ReleaseDraft content;
  std::string document;
  std::string actor;
  Instant now;
  Result<Kept> operator()(pqxx::work& transaction) const;

 private:
  Result<void> check_place(pqxx::work& transaction) const;
};

// By version. One that this server cannot read any more has its version alone.
struct ListDrafts {
  std::string model;
  Result<std::vector<KeptDraft>> operator()(pqxx::work& transaction) const;
};

struct GetDraft {
  std::string model;
  std::string version;
  Result<KeptDraft> operator()(pqxx::work& transaction) const;
};

struct DiscardDraft {
  std::string model;
  std::string version;
  std::string actor;
  Result<void> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
