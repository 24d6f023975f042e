#include "server/rollouts/evidence/evidence_store.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "server/db/rows.hpp"
#include "server/rollouts/store/rollout_store.hpp"
#include "server/rollouts/store/validation_store.hpp"

namespace argosy::server {
namespace {

EvidenceRelease read_release(pqxx::work& transaction, std::int64_t release) {
  EvidenceRelease found;
  const auto row = transaction.exec_params1(
      R"sql(
        select created_by, published_at, validation, coalesce(signature_statement, '') as statement,
          coalesce(signature_bundle, '') as bundle, signature_key_sets
        from releases
        where id = $1
      )sql",
      release);
  found.created_by = row["created_by"].as<std::string>();
  found.published_at = optional_of<Instant>(row["published_at"]);
  found.validation_json = row["validation"].as<std::string>();
  found.statement = row["statement"].as<std::string>();
  found.bundle = row["bundle"].as<std::string>();
  found.key_sets_json = row["signature_key_sets"].as<std::string>();
  const auto variants = transaction.exec_params(
      "select name, digest, format, size, selector from variants where release_id = $1 order by name", release);
  for (const auto& each : variants)
    found.variants.push_back({each["name"].as<std::string>(), each["digest"].as<std::string>(),
                              each["format"].as<std::string>(), each["size"].as<std::int64_t>(),
                              each["selector"].as<std::string>()});
  return found;
}

template <class T>
void oldest_first(RolloutPage<T>& page) {
  std::reverse(page.items.begin(), page.items.end());
  page.more = static_cast<std::int64_t>(page.items.size()) < page.total;
}

RolloutPage<EvidenceLook> read_looks(pqxx::work& transaction, std::int64_t rollout, std::size_t limit) {
  RolloutPage<EvidenceLook> page;
  page.total = transaction.exec_params1("select count(*) from rollout_looks where rollout_id = $1", rollout)[0]
                   .as<std::int64_t>();
  const auto rows = transaction.exec_params(
      R"sql(
        select number, wave, is_final, at, guards
        from rollout_looks
        where rollout_id = $1
        order by number desc
        limit $2
      )sql",
      rollout, static_cast<std::int64_t>(limit));
  for (const auto& row : rows)
    page.items.push_back({row["number"].as<int>(), row["wave"].as<int>(), row["is_final"].as<bool>(),
                          row["at"].as<Instant>(), row["guards"].as<std::string>()});
  oldest_first(page);
  return page;
}

EvidenceAction action_of(const pqxx::row& row) {
  return {row["id"].as<std::int64_t>(),           row["at"].as<Instant>(),          row["actor"].as<std::string>(),
          row["action"].as<std::string>(),        row["object"].as<std::string>(),  row["details"].as<std::string>(),
          optional_of<std::int64_t>(row["seal"]), row["hash_hex"].as<std::string>()};
}

// The address from which somebody acted is for those who may read the audit log, and not shown here.
RolloutPage<EvidenceAction> read_actions(pqxx::work& transaction, const RolloutRecord& rollout, std::size_t limit) {
  const std::string of_rollout = "rollout/" + std::to_string(rollout.id);
  const std::string of_release = "release/" + rollout.model + "/" + rollout.version;
  RolloutPage<EvidenceAction> page;
  page.total =
      transaction.exec_params1("select count(*) from audit where object in ($1, $2)", of_rollout, of_release)[0]
          .as<std::int64_t>();
  const auto rows = transaction.exec_params(
      R"sql(
        select id, at, actor, action, object, details, seal, coalesce(encode(hash, 'hex'), '') as hash_hex
        from audit
        where object in ($1, $2)
        order by id desc
        limit $3
      )sql",
      of_rollout, of_release, static_cast<std::int64_t>(limit));
  for (const auto& row : rows) page.items.push_back(action_of(row));
  oldest_first(page);
  return page;
}

AuditHeadRow read_head(pqxx::work& transaction) {
  const auto row = transaction.exec1("select seal, encode(hash, 'hex') as hash_hex, archived_seal from audit_chain");
  return {row["seal"].as<std::int64_t>(), row["hash_hex"].as<std::string>(), row["archived_seal"].as<std::int64_t>()};
}

Result<RolloutPage<RolloutDeviceRecord>> read_devices(pqxx::work& transaction, std::int64_t rollout, std::size_t limit,
                                                      Instant now) {
  const ListRolloutDevices failures{rollout, std::string(to_string(DeviceStep::failed)), "", limit, now};
  ARGOSY_TRY(auto failed, failures(transaction));
  const ListRolloutDevices everybody{rollout, "", "", limit, now};
  ARGOSY_TRY(auto all, everybody(transaction));
  return failed_first(std::move(failed), std::move(all), limit);
}

void read_counts(pqxx::work& transaction, std::int64_t rollout, ValidationSummary& summary) {
  const auto rows = transaction.exec_params(
      R"sql(
        select state, coalesce(cause, '') as cause, count(*) as devices
        from rollout_devices
        where rollout_id = $1
        group by 1, 2
      )sql",
      rollout);
  for (const auto& row : rows) {
    const auto devices = row["devices"].as<std::int64_t>();
    summary.by_state[row["state"].as<std::string>()] += devices;
    if (const auto cause = row["cause"].as<std::string>(); !cause.empty()) summary.by_cause[cause] += devices;
  }
}

ValidationSummary read_validation(pqxx::work& transaction, std::int64_t rollout) {
  ValidationSummary summary;
  read_counts(transaction, rollout, summary);
  summary.metric = read_metric_values(transaction, rollout);
  return summary;
}

}  // namespace

Result<RolloutEvidence> ReadEvidence::operator()(pqxx::work& transaction) const {
  transaction.exec0("set transaction isolation level repeatable read read only");
  RolloutEvidence evidence;
  const GetRollout get{rollout};
  ARGOSY_TRY(evidence.rollout, get(transaction));
  evidence.release = read_release(transaction, evidence.rollout.release_id);
  const ListDecisions newest{rollout, std::numeric_limits<std::int64_t>::max(), limits.decisions};
  ARGOSY_TRY(evidence.decisions, newest(transaction));
  oldest_first(evidence.decisions);
  evidence.looks = read_looks(transaction, rollout, limits.looks);
  evidence.actions = read_actions(transaction, evidence.rollout, limits.actions);
  evidence.audit = read_head(transaction);
  ARGOSY_TRY(evidence.devices, read_devices(transaction, rollout, limits.devices, now));
  evidence.validation = read_validation(transaction, rollout);
  return evidence;
}

}  // namespace argosy::server
