// The evidence of a rollout: what was brought to which devices, what was measured, what was decided and by whom, as one
// document for people who were not there. Pure data, and the document made of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "server/rollouts/core/rollout_record.hpp"
#include "server/rollouts/core/validation_numbers.hpp"

namespace argosy::server {

// A document has at most so many of each; what is left out is counted in it.
struct EvidenceLimits {
  std::size_t devices = 10'000;   // those that failed come first
  std::size_t decisions = 5'000;  // the newest, as of looks and actions
  std::size_t looks = 2'000;
  std::size_t actions = 2'000;
};

struct EvidenceVariant {
  std::string name, digest, format;
  std::int64_t size = 0;
  std::string selector_json = "{}";
};

struct EvidenceRelease {
  std::string created_by;
  std::optional<Instant> published_at;
  std::string validation_json = "{}";
  std::string statement;  // as its publisher signed it; empty: not signed, and so is the bundle
  std::string bundle;
  std::string key_sets_json = "[]";
  std::vector<EvidenceVariant> variants;
};

struct EvidenceLook {  // at the guards
  int number = 0;      // over the whole rollout
  int wave = 0;
  bool is_final = false;
  Instant at{};
  std::string guards_json = "[]";
};

struct EvidenceAction {  // a row of the audit log about the rollout or its release
  std::int64_t id = 0;
  Instant at{};
  std::string actor, action, object;
  std::string details_json = "{}";
  std::optional<std::int64_t> seal;  // of the audit log's chain; none: not sealed yet
  std::string hash;                  // hex; empty likewise
};

struct AuditHeadRow {  // of the chain, when the evidence was read
  std::int64_t seal = 0;
  std::string hash;
  std::int64_t archived_up_to = 0;  // rows up to this seal are in files, and not in the document
};

// Over all devices of the rollout, whichever the document shows.
struct ValidationSummary {
  std::map<std::string, std::int64_t> by_state;
  std::map<std::string, std::int64_t> by_cause;  // of failures, and of successes that have one
  MetricValues metric;
};

struct RolloutEvidence {
  RolloutRecord rollout;
  EvidenceRelease release;
  RolloutPage<DecisionRecord> decisions;  // oldest first, as the next two
  RolloutPage<EvidenceLook> looks;
  RolloutPage<EvidenceAction> actions;
  AuditHeadRow audit;
  RolloutPage<RolloutDeviceRecord> devices;
  ValidationSummary validation;
};

struct EvidenceMaker {
  std::string program;  // "argosyd 1.2"
  std::string asked_by;
  Instant at{};
};

// `failed` first, then the others by name, up to `limit`.
RolloutPage<RolloutDeviceRecord> failed_first(RolloutPage<RolloutDeviceRecord> failed,
                                              RolloutPage<RolloutDeviceRecord> all, std::size_t limit);

// The document, as JSON.
std::string write_evidence(const RolloutEvidence& evidence, const EvidenceMaker& maker);
// What the parts of this document support, and no more: a claim whose parts are empty is left out.
nlohmann::json claims_of(const nlohmann::json& document);

}  // namespace argosy::server
