// The SQL that lists the audit log: a functor for DbPool::transact. Writing is journal_store.hpp's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"

namespace argosy::server {

struct AuditEntry {
  std::int64_t id = 0;
  Instant at{};
  std::string actor;
  std::string action;
  std::string object;
  std::string details_json;
};

struct AuditPage {
  std::vector<AuditEntry> items;  // newest first
  std::int64_t total = 0;
};

struct ListAudit {
  std::int64_t before = 0;  // ids under this
  std::size_t limit = 50;
  std::optional<std::string> actor;
  std::optional<std::string> object;
  AuditPage operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
