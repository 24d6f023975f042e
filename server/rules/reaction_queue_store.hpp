// The SQL of reactions that wait, and of those that people look at. Functors for DbPool::transact.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "server/rules/reaction.hpp"

namespace argosy::server {

// The one that has been due longest, to be done now; or one that is left, and has ended so. None: nothing is due.
struct NextReaction {
  struct Answer {
    std::int64_t id = 0;
    std::string reaction;
    int attempts = 0;
    bool is_left = false;
  };
  Instant now;
  ReactionShare share = {};
  std::optional<Answer> operator()(pqxx::work& transaction) const;
};

// After an error. `again` none: it has failed.
struct PostponeReaction {
  std::int64_t id;
  std::string why;
  std::optional<Instant> again;
  Instant now;
  void operator()(pqxx::work& transaction) const;
};

struct ListReactions {
  ReactionQuery query;
  ReactionPage operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
