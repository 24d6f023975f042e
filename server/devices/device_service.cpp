#include "server/devices/device_service.hpp"

#include <algorithm>

#include "server/devices/device_store.hpp"

namespace argosy::server {

namespace {

constexpr std::size_t max_states_at_once = 500;
constexpr std::size_t max_page = 500;

class StoredDeviceService final : public DeviceService {
 public:
  explicit StoredDeviceService(DbPool& db) : store_(db) {}

  Task<Result<DevicePage>> list(DeviceQuery query) override {
    query.limit = std::clamp<std::size_t>(query.limit, 1, max_page);
    return store_.list(std::move(query));
  }
  Task<Result<Device>> get(DeviceId id) override { return store_.get(std::move(id)); }
  Task<Result<Device>> patch_labels(DeviceId id, LabelPatch patch, std::string actor) override {
    return store_.patch_labels(std::move(id), std::move(patch), std::move(actor));
  }
  Task<Result<void>> revoke(DeviceId id, std::string actor, Instant now) override {
    ARGOSY_CO_CHECK(co_await store_.revoke(id, std::move(actor), now));
    if (tell_revoked_) tell_revoked_(id);
    co_return Result<void>{};
  }
  void on_revoked(std::function<void(const DeviceId&)> tell) override { tell_revoked_ = std::move(tell); }
  Task<Result<std::vector<StateOutcome>>> take_states(std::vector<ReceivedState> states, Instant now) override {
    if (states.empty()) co_return std::vector<StateOutcome>{};
    if (states.size() > max_states_at_once)
      co_return make_error(Errc::too_large, std::to_string(states.size()) + " states at once; the limit is " +
                                                std::to_string(max_states_at_once));
    co_return co_await store_.take_states(std::move(states), now);
  }
  std::vector<std::string> take_those_over_allowance() override { return store_.take_those_over_allowance(); }
  Task<Result<StateOutcome>> standing(DeviceId id, std::int64_t nonce) override {
    return store_.standing(std::move(id), nonce);
  }
  Task<Result<std::size_t>> fold_counts() override { return store_.fold_counts(); }
  Task<Result<std::size_t>> recount() override { return store_.recount(); }

 private:
  DeviceStore store_;
  std::function<void(const DeviceId&)> tell_revoked_;
};

}  // namespace

std::unique_ptr<DeviceService> create_device_service(DbPool& db) {
  return std::make_unique<StoredDeviceService>(db);
}

}  // namespace argosy::server
