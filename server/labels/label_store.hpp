// The SQL of labels. Functors for DbPool::transact: they own their arguments and may be repeated. The row of a device
// in label_queues is locked by whoever adds labels for it or takes its answers: so its labels are seen in their order.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/labels/label_service.hpp"

namespace argosy::server {

// Verdicts in the order of the labels. Those that were refused already count for the audit alone.
struct TellLabels {
  std::vector<GivenLabel> labels;
  std::int64_t refused_before = 0;
  std::string actor;
  Instant now;
  std::vector<LabelVerdict> operator()(pqxx::work& transaction) const;
};

struct ExchangedLabels {
  wire::HandedLabels handed;
  std::size_t settled = 0;
};
struct ExchangeLabels {
  std::string device;
  wire::LabelAnswers answers;
  Instant now;
  ExchangedLabels operator()(pqxx::work& transaction) const;
};

struct WaitingDevice {
  std::string device;
  std::uint64_t waiting = 0;
};
// Those whose time has come and that can be reached; when to tell each again grows with how often it was told. The
// labels of revoked devices end.
struct TakeDueDevices {
  std::size_t limit;
  Instant now;
  std::vector<WaitingDevice> operator()(pqxx::work& transaction) const;
};

// How many it ended: as many as asked for, and there may be more.
struct ExpireLabels {
  std::size_t limit;
  Instant now;
  std::size_t operator()(pqxx::work& transaction) const;
};
struct DeleteOldLabels {
  std::size_t limit;
  Instant now;
  std::size_t operator()(pqxx::work& transaction) const;
};
// A row of the audit log for each account and hour that is over.
struct AuditLabels {
  std::size_t limit;
  Instant now;
  std::size_t operator()(pqxx::work& transaction) const;
};

struct ListLabels {
  LabelQuery query;
  Result<LabelPage> operator()(pqxx::work& transaction) const;
};
struct ReadLabelStatus {
  std::optional<std::string> device;
  Result<LabelStatus> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
