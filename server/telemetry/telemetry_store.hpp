// The SQL that takes telemetry in. Functors for DbPool::transact: they own their arguments and may be repeated.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/telemetry/telemetry_service.hpp"

namespace argosy::server {

struct StoredTelemetry {
  TelemetryService::Acks acks;  // one a batch
  std::vector<StoredWindow> windows;
  TelemetryCounters counters;
};

// What somebody else keeps of telemetry, in the transaction that stores it and on its DB thread. May be called again
// when the transaction is repeated; what it throws is the transaction's error.
struct AlsoStored {
  std::function<void(pqxx::work& transaction, const TakenTelemetry& taken)> keep;
};

struct StoreTelemetry {
  std::vector<wire::TelemetryBatch> batches;
  Instant now;
  Duration retention;  // what is older is not stored, but counted as unread
  std::shared_ptr<const AlsoStored> also = {};
  Result<StoredTelemetry> operator()(pqxx::work& transaction) const;
};

struct ReadIntegrity {
  std::string device;
  Result<std::vector<EpochIntegrity>> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
