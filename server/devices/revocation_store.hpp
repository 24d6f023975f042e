// The SQL of certificates that ended before their time: what the revocation list names and what the broker still has to
// learn. Functors for DbPool::transact, run on the DB threads.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/crypto/certificates.hpp"
#include "server/devices/revocation.hpp"

namespace argosy::server {

// Those that ended after `id`, oldest first, at most `limit`.
struct ListEndedAfter {
  std::int64_t id = 0;
  std::size_t limit = 0;
  std::vector<EndedCertificate> operator()(pqxx::work& transaction) const;
};

// Keeps a list of `revoked`. Called on a DB thread.
using KeepRevocationList = std::function<Result<void>(const std::vector<Revocation>& revoked)>;
// Names every certificate that has not expired since; answers the id of the last that ended: the list holds all up to
// that one.
struct WriteRevocationList {
  KeepRevocationList keep;
  Result<std::int64_t> operator()(pqxx::work& transaction) const;
};

// Those up to `id` that the broker may still take, oldest first, at most `limit`.
struct ListUnenforced {
  std::int64_t id = 0;
  std::size_t limit = 0;
  std::vector<EndedCertificate> operator()(pqxx::work& transaction) const;
};

struct ReadRevocationStatus {
  RevocationStatus operator()(pqxx::work& transaction) const;
};

// Certificates that have expired since the last call, which was less than an hour ago, end as well.
struct EndExpired {
  Instant now;
  void operator()(pqxx::work& transaction) const;
};

struct MarkEnforced {
  std::int64_t id = 0;
  Instant now;
  void operator()(pqxx::work& transaction) const;
};

// The broker may have forgotten what was cleared since then: revoked devices wait again.
struct ClearAgain {
  Instant revoked_since;
  void operator()(pqxx::work& transaction) const;
};

// Forgets what expired before `before` and is done with.
struct ForgetEnded {
  Instant before;
  void operator()(pqxx::work& transaction) const;
};

// An event for people.
struct WriteBrokerEvent {
  std::string kind;
  std::string severity;
  std::string message;
  void operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
