// The SQL of devices, device_state and device_models. Each call is one transaction on the pool's threads.
#pragma once

#include <vector>

#include "server/base/task.hpp"
#include "server/devices/device_service.hpp"
#include "server/devices/event_allowance.hpp"

namespace argosy::server {

class DeviceStore {
 public:
  explicit DeviceStore(DbPool& db) : db_(db) {}

  Task<Result<DevicePage>> list(DeviceQuery query);
  Task<Result<Device>> get(DeviceId id);
  Task<Result<Device>> patch_labels(DeviceId id, LabelPatch patch, std::string actor);
  Task<Result<void>> revoke(DeviceId id, std::string actor, Instant now);
  Task<Result<std::vector<StateOutcome>>> take_states(std::vector<ReceivedState> states, Instant now);
  Task<Result<StateOutcome>> standing(DeviceId id, std::int64_t nonce);
  std::vector<std::string> take_those_over_allowance() { return allowance_.take_those_over(); }
  Task<Result<std::size_t>> fold_counts();
  Task<Result<std::size_t>> recount();

 private:
  DbPool& db_;
  EventAllowance allowance_;
};

}  // namespace argosy::server
