#include "server/devices/presence_store.hpp"

#include "server/db/db_pool.hpp"
#include "server/devices/device_rows.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

using Json = nlohmann::json;

struct TickPresence {
  PresenceTick tick;

  std::size_t operator()(pqxx::work& transaction) const {
    Json changes = Json::array();
    for (const pqxx::row& row : candidates(transaction)) {
      const std::string device = row[0].as<std::string>();
      const PresenceEvidence evidence = evidence_of(row, device);
      const PresenceVerdict verdict = judge_presence(evidence, tick.rule, tick.now);
      if (verdict.presence == evidence.presence) continue;
      changes.push_back({{"device", device}, {"presence", to_string(verdict.presence)}, {"reason", verdict.reason}});
      append_presence_event(transaction, device, evidence, verdict);
    }
    if (!changes.empty()) write(transaction, changes);
    return changes.size();
  }

 private:
  // A row that is being written right now is skipped: its device is alive, and the next tick sees it.
  pqxx::result candidates(pqxx::work& transaction) const {
    Json suspected = Json::array();
    for (const auto& [device, suspicion] : tick.suspicions) suspected.push_back(device);
    return transaction.exec_params(
        "select s.device_id, s.presence, " + ms_of("s.presence_since") + ", " + ms_of("s.last_seen_at") +
            ", s.interval_s, s.session_nonce from device_state s join devices d on d.id = s.device_id "
            "where d.revoked_at is null and s.last_seen_at is not null and (s.presence in ('never_seen', 'late') "
            "or (s.presence = 'offline' and s.last_seen_at >= s.presence_since) "
            "or (s.presence = 'online' and s.last_seen_at <= $1::timestamptz - make_interval(secs => s.interval_s * "
            "$2::float8)) "
            "or (s.presence = 'online' and s.device_id in (select jsonb_array_elements_text($3::jsonb)))) "
            "order by s.device_id limit 5000 for update of s skip locked",
        to_rfc3339(tick.now), tick.rule.late_intervals * tick.time_scale, suspected.dump());
  }

  PresenceEvidence evidence_of(const pqxx::row& row, const std::string& device) const {
    PresenceEvidence evidence;
    evidence.presence = parse_presence(row[1].as<std::string>()).value();
    evidence.since = instant(row[2]);
    evidence.last_seen = optional_instant(row[3]);
    const double interval_ms = row[4].as<double>() * 1000 * tick.time_scale;
    evidence.interval = Duration{static_cast<Duration::rep>(interval_ms)};
    evidence.watching_since = tick.watching_since;
    const auto suspicion = tick.suspicions.find(device);
    const bool of_this_session =
        suspicion != tick.suspicions.end() && suspicion->second.nonce >= row[5].as<std::int64_t>();
    if (of_this_session) evidence.will_at = suspicion->second.at;
    return evidence;
  }

  static void append_presence_event(pqxx::work& transaction, const std::string& device,
                                    const PresenceEvidence& evidence, const PresenceVerdict& verdict) {
    const Json details = {
        {"from", to_string(evidence.presence)}, {"to", to_string(verdict.presence)}, {"reason", verdict.reason}};
    append_event(transaction,
                 {.kind = "device.presence",
                  .severity = verdict.presence == Presence::offline ? "warning" : "info",
                  .device_id = device,
                  .rollout_id = std::nullopt,
                  .model = std::nullopt,
                  .message = device + " is " + std::string(to_string(verdict.presence)) + ": " + verdict.reason,
                  .details_json = details.dump()});
  }

  void write(pqxx::work& transaction, const Json& changes) const {
    transaction.exec_params0(
        "update device_state s set presence = i.presence, presence_reason = i.reason, presence_since = $2::timestamptz "
        "from jsonb_to_recordset($1::jsonb) as i(device text, presence text, reason text) "
        "where s.device_id = i.device",
        changes.dump(), to_rfc3339(tick.now));
  }
};

}  // namespace

Task<Result<std::size_t>> PresenceStore::tick(PresenceTick tick) {
  auto work = db_.transact(TickPresence{std::move(tick)});
  co_return co_await std::move(work);
}

}  // namespace argosy::server
