// The SQL of the audit log but for writing a row, which is journal_store.hpp's: listing, sealing, walking the chain and
// archiving. Functors for DbPool::transact, run on the DB threads; each works on a bounded number of rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "server/access/audit_service.hpp"
#include "server/journal/audit_chain.hpp"

namespace argosy::server {

struct ListAudit {
  AuditQuery query;
  AuditPage operator()(pqxx::work& transaction) const;
};

struct FindChain {
  ChainState operator()(pqxx::work& transaction) const;
};

// Seals the next rows that no running transaction can come before. Nothing when another instance is at it.
struct SealAudit {
  std::size_t limit = 500;
  struct Outcome {
    std::size_t sealed = 0;
    ChainHead head;
  };
  Outcome operator()(pqxx::work& transaction) const;
};

// Rows from behind a seal, and what the chain says of the end when they reach it.
struct WalkAudit {
  std::int64_t after = 0;  // a seal that was walked to before, or the archive's last
  std::size_t limit = 1000;
  struct Outcome {
    ChainHead reached;
    std::size_t rows = 0;
    bool complete = false;
    std::optional<ChainFault> fault;
  };
  Outcome operator()(pqxx::work& transaction) const;
};

// The seal and hash of an earlier head: whether the chain still goes through it.
struct HasSeal {
  ChainHead noted;
  std::optional<ChainFault> operator()(pqxx::work& transaction) const;
};

struct ReadOldest {  // the closed prefix that is older than this
  Instant before;
  std::size_t limit = 5000;
  struct Outcome {
    ChainHead archived;
    std::vector<SealedRow> rows;
  };
  Outcome operator()(pqxx::work& transaction) const;
};
struct DropArchived {  // Errc::conflict when the archive ends elsewhere by now
  ChainHead from, upto;
  Result<void> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
