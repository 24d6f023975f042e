// The SQL of devices, device_state and device_models: functors for DbPool::transact, run on the DB threads.
// device_store.cpp: what people ask; device_state_store.cpp: what devices report.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/devices/device_service.hpp"
#include "server/devices/event_allowance.hpp"

namespace argosy::server {

struct SqlCondition;

// The page's ids first, so that what hangs on a device is read for those on the page alone.
struct ListDevices {
  DeviceQuery query;
  DevicePage operator()(pqxx::work& transaction) const;

 private:
  static std::string matching(const SqlCondition& condition);
  std::vector<std::string> select_ids(pqxx::work& transaction, const SqlCondition& condition) const;
  std::int64_t count(pqxx::work& transaction, const SqlCondition& condition) const;
};

struct GetDevice {
  DeviceId id;
  Result<Device> operator()(pqxx::work& transaction) const;
};

struct PatchLabels {
  DeviceId id;
  LabelPatch patch;
  std::string actor;
  Result<Device> operator()(pqxx::work& transaction) const;
};

struct RevokeDevice {
  DeviceId id;
  std::string actor;
  Instant now;
  Result<void> operator()(pqxx::work& transaction) const;
};

struct TakeStateDocuments {
  std::vector<ReceivedState> states;
  Instant now;
  EventAllowance& allowance;
  const SuggestionRule& rule;
  std::vector<StateOutcome> operator()(pqxx::work& transaction) const;
};

// What TakeStateDocuments would answer for a state of this session.
struct CheckSession {
  DeviceId id;
  std::int64_t nonce = 0;
  StateOutcome operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
