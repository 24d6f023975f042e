#include "server/journal/journal_store.hpp"

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/db/statement.hpp"
#include "server/db/transaction_scope.hpp"

namespace argosy::server {

void append_event(pqxx::work& transaction, const NewEvent& event) {
  static const Statement insert_event{"insert_event", R"sql(
    insert into events (kind, severity, device_id, rollout_id, model, message, details)
    values ($1, $2, $3, $4, $5, $6, $7::jsonb)
  )sql"};
  exec_prepared(transaction, insert_event, event.kind, event.severity, event.device_id, event.rollout_id, event.model,
                event.message, event.details_json);
}

void append_events(pqxx::work& transaction, const std::vector<NewEvent>& events) {
  if (events.empty()) return;
  auto rows = nlohmann::json::array();
  for (const auto& event : events) {
    rows.push_back({{"place", rows.size()},
                    {"kind", event.kind},
                    {"severity", event.severity},
                    {"device_id", json_of(event.device_id)},
                    {"rollout_id", json_of(event.rollout_id)},
                    {"model", json_of(event.model)},
                    {"message", event.message},
                    {"details", event.details_json}});
  }
  transaction.exec_params0(
      R"sql(
        insert into events (kind, severity, device_id, rollout_id, model, message, details)
        select kind, severity, device_id, rollout_id, model, message, details::jsonb
        from jsonb_to_recordset($1::jsonb) as e(place int, kind text, severity text, device_id text,
          rollout_id bigint, model text, message text, details text)
        order by place
      )sql",
      rows.dump());
}

void append_audit(pqxx::work& transaction, const std::string& actor, const std::string& action,
                  const std::string& object, const std::string& details_json) {
  transaction.exec_params0(
      "insert into audit (actor, action, object, details, address) values ($1, $2, $3, $4::jsonb, $5)", actor, action,
      object, details_json, transaction_origin());
}

void touch_desired(pqxx::work& transaction, const std::vector<std::string>& device_ids, DueClass due) {
  if (device_ids.empty()) return;
  // In one order everywhere, so that two rollouts that touch the same devices wait instead of deadlocking.
  transaction.exec_params0(
      R"sql(
        with raised as (
          update devices
          set desired_rev = desired_rev + 1
          where id in (
            select id from devices where id in (select unnest($1::text[])) order by id for update
          )
          returning id, desired_rev
        )
        insert into desired_due (device_id, class, rev)
        select id, $2, desired_rev from raised order by id
        on conflict (device_id) do update set class = least(desired_due.class, excluded.class),
          rev = excluded.rev, not_before = '-infinity', failures = 0
      )sql",
      pg_array(device_ids), static_cast<int>(due));
}

}  // namespace argosy::server
