// The SQL of diagnostics; the only writer of that table. Functors for DbPool::transact.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/devices/diagnostics.hpp"

namespace argosy::server {

struct AskForDiagnostics {
  std::string device;
  std::string reason;
  std::string actor;
  Instant now;
  Result<DeviceDiagnostics> operator()(pqxx::work& transaction) const;
};

struct AskForReaction {
  std::int64_t reaction;
  Instant now;
  Result<void> operator()(pqxx::work& transaction) const;
};

struct ListDiagnostics {
  std::string device;
  Result<std::vector<DeviceDiagnostics>> operator()(pqxx::work& transaction) const;
};

struct GetDiagnostics {
  std::string device;
  std::int64_t id;
  Result<DeviceDiagnostics> operator()(pqxx::work& transaction) const;
};

// Taken once: what comes again changes nothing.
struct KeepDiagnostics {
  std::string device;
  std::int64_t id;
  std::string document;
  Instant now;
  Result<void> operator()(pqxx::work& transaction) const;
};

// Of devices that can be reached, at most `most`; each is due again `pause` later. Those whose time is over end.
struct TakeDueQuestions {
  std::size_t most;
  std::vector<Duration> pauses;  // by how often it was asked; the last holds for all beyond
  Instant now;
  std::vector<DiagnosticsQuestion> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
