// The rule identity_shared: what JudgeIdentities does. Telemetry notes how often an outbox that had been left came
// back; few devices ever have such a row, and those have an index.
#include "server/alerts/alert_rows_store.hpp"
#include "server/alerts/alert_store.hpp"
#include "server/db/rows.hpp"

namespace argosy::server {

namespace {

constexpr auto newly_shared = R"sql(
  select s.device_id, s.device_id || ': two agents use its certificate; a card or an image was copied: revoke it and '
    'enrol both anew'
  from telemetry_speakers s
  join devices d on d.id = s.device_id
  where s.returns >= $1 and s.returned_at > $2::timestamptz and d.revoked_at is null
    and not exists (
      select 1 from alerts a
      where a.rule = 'identity_shared' and a.subject = 'device/' || s.device_id
        and coalesce(a.condition, a.state) = 'firing' and a.state <> 'resolved'
    )
  order by 1
  limit 1000
)sql";
constexpr auto no_longer_shared = R"sql(
  select a.device_id, case
      when d.revoked_at is not null then a.device_id || ' was revoked'
      else a.device_id || ' has one agent again'
    end
  from alerts a
  join devices d on d.id = a.device_id
  left join telemetry_speakers s on s.device_id = a.device_id
  where a.rule = 'identity_shared' and a.state = 'firing' and coalesce(a.condition, a.state) = 'firing'
    and (d.revoked_at is not null or s.returned_at is null or s.returned_at <= $1::timestamptz)
  order by 1
  limit 1000
)sql";

void add_findings(const pqxx::result& rows, AlertState state, std::vector<AlertFinding>& findings) {
  for (const auto& row : rows) {
    findings.push_back({std::string(built_in::identity_shared.name),
                        std::string(built_in::identity_shared.severity),
                        row[0].as<std::string>(),
                        {},
                        state,
                        std::nullopt,
                        std::nullopt,
                        row[1].as<std::string>(),
                        "{}"});
  }
}

}  // namespace

std::size_t JudgeIdentities::operator()(pqxx::work& transaction) const {
  const Instant since = now - Speaker::memory;
  const auto over = transaction.exec_params(no_longer_shared, since);
  const auto begun = transaction.exec_params(newly_shared, Speaker::returns_of_two, since);
  if (over.empty() && begun.empty()) return 0;
  lock_alerts(transaction);
  std::vector<AlertFinding> findings;
  add_findings(over, AlertState::ok, findings);
  add_findings(begun, AlertState::firing, findings);
  return apply_findings(transaction, findings, now);
}

}  // namespace argosy::server
