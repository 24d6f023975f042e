// The SQL that takes telemetry in. Functors for DbPool::transact: they own their arguments and may be repeated.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <pqxx/pqxx>

#include "server/telemetry/known_outboxes.hpp"
#include "server/telemetry/telemetry_service.hpp"

namespace argosy::server {

struct StoredTelemetry {
  TelemetryService::Acks acks;  // one a batch
  TakenTelemetry taken;
  TelemetryCounters counters;
  std::vector<std::pair<std::string, KnownOutbox>> known;  // by device, once this is committed
};

// What somebody else keeps of telemetry, in the transaction that stores it and on its DB thread. May be called again
// when the transaction is repeated; what it throws is the transaction's error.
struct AlsoStored {
  std::function<void(pqxx::work& transaction, const TakenTelemetry& taken)> keep;
};

// A batch that plainly continues what is known of its outbox costs two statements that it shares with all others of its
// kind: one moves the cursors, if they are where they are believed to be, and one copies the rows. All else, a guess
// that was wrong too, is asked for and judged one by one.
struct StoreTelemetry {
  std::vector<std::shared_ptr<const wire::TelemetryBatch>> batches;
  Instant now;
  Duration retention;  // what is older is not stored, but counted as unread
  std::shared_ptr<const AlsoStored> also = {};
  std::map<std::string, KnownOutbox> known = {};  // by device: what was committed last, as far as that is known
  Result<StoredTelemetry> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
