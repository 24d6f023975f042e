// The SQL of drift; the only writer of drift_state. Functors for DbPool::transact: they own their arguments and may be
// repeated.
#pragma once

#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/drift/drift_service.hpp"

namespace argosy::server {

struct ModelOnDevice {
  std::string device;
  std::string model;
  friend auto operator<=>(const ModelOnDevice&, const ModelOnDevice&) = default;
};

// Every (device, model) of a device that was seen since `since`.
struct FindHeardModels {
  Instant since;
  std::vector<ModelOnDevice> operator()(pqxx::work& transaction) const;
};

// Measures the newest windows of each pair against the reference of the version it serves, and writes what follows.
struct JudgeDrift {
  std::vector<ModelOnDevice> due;
  DriftOptions options;
  Instant now;
  void operator()(pqxx::work& transaction) const;
};

struct ReadDeviceDrift {
  std::string device;
  DriftRule rule;
  Result<std::vector<FeatureDrift>> operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
