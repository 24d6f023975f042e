// Rollouts as the API shows and reads them (docs/protocol.md). Pure.
#pragma once

#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "server/rollouts/core/assignment.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

nlohmann::json rollout_to_json(const RolloutRecord& record);
// With guards, and what the open wave's gate waits for.
nlohmann::json details_to_json(const RolloutDetails& details);
// What became of earlier rollouts of the release, what else stands, and what the canary can find out.
void add_told_at_planning(nlohmann::json& document, const RolloutRecord& record);
nlohmann::json rollout_device_to_json(const RolloutDeviceRecord& device);
nlohmann::json decision_to_json(const DecisionRecord& decision);
nlohmann::json assignment_to_json(const DeviceAssignment& assignment);

// The POST body; the seed is left 0.
Result<NewRollout> parse_new_rollout(std::string_view json);
// {"cause": "download"}, or nothing at all.
struct RetryWish {
  std::string cause;  // empty: any
  bool include_resting = false;
};
Result<RetryWish> parse_retry(std::string_view json);
// {"start_at": "2026-08-01T02:00:00Z"}, or nothing at all: at once.
Result<std::optional<Instant>> parse_start(std::string_view json);
// {"all": true}, or nothing at all: the next wave.
struct PromoteWish {
  bool all = false;
  bool override_guards = false;  // only with `all`
};
Result<PromoteWish> parse_promote(std::string_view json);
// Of approve and refuse: {"comment": "..."}, or nothing at all.
Result<std::string> parse_comment(std::string_view json);
// The number in an If-Match header: "3", 3 or *. Errc::precondition_required when it is missing.
Result<std::string> parse_if_match(std::optional<std::string_view> header);

}  // namespace argosy::server
