// The way of a rollout from draft to running: what start leads to, who may approve it, and when a scheduled one is due.
// Pure and stateless.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/rollouts/core/rollout.hpp"

namespace argosy {
class JsonReader;
}

namespace argosy::server {

struct ApprovalPolicy {
  bool required = false;  // by another account than the one that made the rollout
  friend bool operator==(const ApprovalPolicy&, const ApprovalPolicy&) = default;
};
void read_approval(JsonReader& in, ApprovalPolicy& approval);

// Where start leads: awaiting_approval, scheduled or running.
RolloutState state_after_start(bool needs_approval, std::optional<Instant> start_at, Instant now);
// Where approval leads: scheduled or running.
RolloutState state_after_approval(std::optional<Instant> start_at, Instant now);

// Errc::invalid_argument for a time that has passed, or lies more than a year ahead.
Result<void> check_start_at(Instant start_at, Instant now);

// An account, as it is named and as it is the same behind a person's session and the tokens that they made. Tokens of
// two people may have one name.
struct Account {
  std::string actor;   // "user:ada", "token:ci"
  std::string person;  // "user:5", or of a token that nobody stands behind "token:7"; empty: not known
};
// Why `by` may neither approve nor refuse what `maker` made; nothing when it may.
std::optional<std::string> approver_refusal(const Account& maker, const Account& by);

// ", 300 s late," when it is later than the grace allows, else empty: a scheduled rollout starts all the same.
std::string lateness(Instant start_at, std::int64_t grace_s, Instant now);

}  // namespace argosy::server
