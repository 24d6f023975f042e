// The fleet's devices for everyone else: lists, labels, revocation, and the state that devices report. Coroutines on
// the I/O thread; the SQL runs on the pool's threads. Presence is not written here (presence_service.hpp).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/id.hpp"
#include "common/base/instant.hpp"
#include "common/wire/state.hpp"
#include "server/base/task.hpp"
#include "server/devices/device.hpp"
#include "server/devices/event_allowance.hpp"
#include "server/devices/filter.hpp"
#include "server/devices/inventory_counts.hpp"
#include "server/devices/suggestion.hpp"

namespace argosy::server {

class DbPool;

struct DeviceQuery {
  Filter filter;
  std::optional<DeviceId> after;
  std::size_t limit = 50;
};

struct ReceivedState {
  wire::DeviceState state;
  bool retained = false;  // the broker's memory, given again at our subscription: no sign of life
};

enum class StateOutcome : std::uint8_t {
  taken,
  stale,    // of an older session than one already seen
  unknown,  // no such device, or it was revoked
  refused,  // holds what cannot be stored: a zero byte, or a version that is none
};

class DeviceService {
 public:
  // `rule`: which suggestions of devices are taken without asking.
  explicit DeviceService(DbPool& db, SuggestionRule rule = {}) : db_(db), rule_(std::move(rule)) {}

  // Devices that are not revoked.
  Task<Result<DevicePage>> list(DeviceQuery query);
  // One device, revoked or not.
  Task<Result<Device>> get(DeviceId id);
  Task<Result<Device>> patch_labels(DeviceId id, LabelPatch patch, std::string actor);
  // What its configuration suggests is taken, or turned down. Errc::conflict where it suggests nothing.
  Task<Result<Device>> settle_suggestion(DeviceId id, bool take, std::string actor);
  // Of at most 20 values a field.
  Task<Result<std::vector<InventoryField>>> inventory();
  // Boards that ask for the place of a device, or were let in and have not come; the newest first, at most 500.
  Task<Result<std::vector<Replacement>>> replacements(Instant now);
  // A board that asks for its place is let in, once, or turned down. Errc::conflict where it is not that board that
  // asks.
  Task<Result<Device>> settle_replacement(DeviceId id, ReplacementChoice choice, std::string actor, Instant now);
  // Its certificate is refused from now on. Revoking twice is no error.
  Task<Result<void>> revoke(DeviceId id, std::string actor, Instant now);
  // Called when one was revoked here, before revoke() answers.
  void on_revoked(std::function<void(const DeviceId&)> tell) { tell_revoked_ = std::move(tell); }

  // Takes in state documents in the order they came, all in one transaction; repeating it changes nothing. Answers one
  // outcome a document. At most 500 at once. Writes an event `update.state` for each real change.
  Task<Result<std::vector<StateOutcome>>> take_states(std::vector<ReceivedState> states, Instant now);
  // Devices whose reports wanted to cause more events than they may, since the last call.
  std::vector<std::string> take_those_over_allowance() { return allowance_.take_those_over(); }
  // What take_states would answer for a state of this session that can be stored: taken, stale or unknown.
  Task<Result<StateOutcome>> standing(DeviceId id, std::int64_t nonce);

  // How many devices there are of each kind is kept as they move (fleet_counts_store.hpp). The leader adds the changes
  // up, about once a second, and now and then counts them all: answers how many counts were wrong, which are right
  // then.
  Task<Result<std::size_t>> fold_counts();
  Task<Result<std::size_t>> recount();

 private:
  DbPool& db_;
  SuggestionRule rule_;
  EventAllowance allowance_;
  std::function<void(const DeviceId&)> tell_revoked_;
};

}  // namespace argosy::server
