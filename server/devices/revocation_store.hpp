// The SQL of certificates that ended before their time: what the revocation list names and what the broker still has to
// learn. Each call is one transaction on the pool's threads.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/crypto/certificates.hpp"
#include "server/base/task.hpp"
#include "server/devices/revocation.hpp"

namespace argosy::server {

class DbPool;

class RevocationStore {
 public:
  explicit RevocationStore(DbPool& db) : db_(db) {}

  // Keeps a list of `revoked` that holds all that ended up to `id`. Called on a DB thread.
  using KeepList = std::function<Result<void>(const std::vector<Revocation>& revoked)>;

  // Those that ended after `id`, oldest first, at most `limit`.
  Task<Result<std::vector<EndedCertificate>>> ended_after(std::int64_t id, std::size_t limit);
  // Names every certificate that has not expired since; answers the id of the last that ended.
  Task<Result<std::int64_t>> write_list(KeepList keep);
  // Those up to `id` that the broker may still take, oldest first, at most `limit`.
  Task<Result<std::vector<EndedCertificate>>> waiting(std::int64_t id, std::size_t limit);
  Task<Result<RevocationStatus>> status();
  // Certificates that have expired since the last call, which was less than an hour ago, end as well.
  Task<Result<void>> end_expired(Instant now);
  Task<Result<void>> mark_enforced(std::int64_t id, Instant now);
  // The broker may have forgotten what was cleared since then: revoked devices wait again.
  Task<Result<void>> clear_again(Instant revoked_since);
  // Forgets what expired before `before` and is done with.
  Task<Result<void>> forget(Instant before);
  // Events for people.
  Task<Result<void>> write_down(std::string kind, std::string severity, std::string message);

 private:
  DbPool& db_;
};

}  // namespace argosy::server
