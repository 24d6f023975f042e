// The SQL of silences that people make; the only writer of alert_silences beside silence_rows_store. Functors for
// DbPool::transact. The alerts follow at the leader's next tick.
#pragma once

#include <string>

#include <pqxx/pqxx>

#include "server/alerts/alert_list.hpp"

namespace argosy::server {

struct ReadSilences {
  SilenceQuery query;
  SilencePage operator()(pqxx::work& transaction) const;
};

struct AddSilence {
  Silence wanted;
  std::string actor;
  Instant now;
  Result<Silence> operator()(pqxx::work& transaction) const;
};

struct ChangeSilence {
  std::int64_t id;
  Silence wanted;
  std::string actor;
  Instant now;
  Result<Silence> operator()(pqxx::work& transaction) const;
};

struct EndSilence {
  std::int64_t id;
  std::string actor;
  Instant now;
  Result<Silence> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
