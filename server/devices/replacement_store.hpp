// The SQL of boards that ask for the place of a living device: functors for DbPool::transact, and what enrolment does
// of it inside its own transaction; run on the DB threads.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/devices/replacement.hpp"

namespace argosy::server {

// Whoever calls it holds the lock on the device's row. One whose claim was revoked does not ask any more.
std::optional<Replacement> read_replacement(pqxx::work& transaction, const DeviceId& device);
// Of this claim, for other devices than that one, whatever became of them, that have not expired.
int count_asked_by(pqxx::work& transaction, std::int64_t claim, const DeviceId& but, Instant now);
// Puts it in the place of whoever asked before, and tells the device's operators.
void note_first_asking(pqxx::work& transaction, const Replacement& replacement);
void note_asking_again(pqxx::work& transaction, const DeviceId& device, Instant now);
void forget_replacement(pqxx::work& transaction, const DeviceId& device);

// Those that ask or were let in and have not come, the newest first.
struct ListReplacements {
  Instant now;
  std::vector<Replacement> operator()(pqxx::work& transaction) const;
};

// Errc::not_found without such a device that is not revoked, conflict where it is not that board that asks.
struct SettleReplacement {
  DeviceId id;
  ReplacementChoice choice;
  std::string actor;
  Instant now;
  Result<void> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
