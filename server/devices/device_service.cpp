#include "server/devices/device_service.hpp"

#include <algorithm>

#include "server/db/db_pool.hpp"
#include "server/devices/device_store.hpp"
#include "server/devices/fleet_counts_store.hpp"
#include "server/devices/replacement_store.hpp"
#include "server/devices/suggestion_store.hpp"

namespace argosy::server {

namespace {

constexpr std::size_t max_states_at_once = 500;
constexpr std::size_t max_page = 500;

}  // namespace

Task<Result<DevicePage>> DeviceService::list(DeviceQuery query) {
  query.limit = std::clamp<std::size_t>(query.limit, 1, max_page);
  return db_.transact<ListDevices>(std::move(query));
}

Task<Result<Device>> DeviceService::get(DeviceId id) {
  return db_.transact<GetDevice>(std::move(id));
}

Task<Result<Device>> DeviceService::patch_labels(DeviceId id, LabelPatch patch, std::string actor) {
  return db_.transact<PatchLabels>(std::move(id), std::move(patch), std::move(actor));
}

Task<Result<Device>> DeviceService::settle_suggestion(DeviceId id, bool take, std::string actor) {
  ARGOSY_CO_CHECK(co_await db_.transact<SettleSuggestion>(id, take, std::move(actor)));
  co_return co_await get(std::move(id));
}

Task<Result<std::vector<InventoryField>>> DeviceService::inventory() {
  return db_.transact<ReadInventory>();
}

Task<Result<std::vector<Replacement>>> DeviceService::replacements(Instant now) {
  return db_.transact<ListReplacements>(now);
}

Task<Result<Device>> DeviceService::settle_replacement(DeviceId id, ReplacementChoice choice, std::string actor,
                                                       Instant now) {
  ARGOSY_CO_CHECK(co_await db_.transact<SettleReplacement>(id, std::move(choice), std::move(actor), now));
  co_return co_await get(std::move(id));
}

Task<Result<void>> DeviceService::revoke(DeviceId id, std::string actor, Instant now) {
  ARGOSY_CO_CHECK(co_await db_.transact<RevokeDevice>(id, std::move(actor), now));
  if (tell_revoked_) tell_revoked_(id);
  co_return Result<void>{};
}

Task<Result<std::vector<StateOutcome>>> DeviceService::take_states(std::vector<ReceivedState> states, Instant now) {
  if (states.empty()) co_return std::vector<StateOutcome>{};
  if (states.size() > max_states_at_once)
    co_return make_error(Errc::too_large, std::to_string(states.size()) + " states at once; the limit is " +
                                              std::to_string(max_states_at_once));
  co_return co_await db_.transact<TakeStateDocuments>(std::move(states), now, allowance_, rule_);
}

Task<Result<StateOutcome>> DeviceService::standing(DeviceId id, std::int64_t nonce) {
  return db_.transact<CheckSession>(std::move(id), nonce);
}

Task<Result<std::size_t>> DeviceService::fold_counts() {
  return db_.transact<FoldFleetCounts>();
}

Task<Result<std::size_t>> DeviceService::recount() {
  return db_.transact<RecountFleet>();
}

}  // namespace argosy::server
