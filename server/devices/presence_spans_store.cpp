#include "server/devices/presence_spans_store.hpp"

#include "server/db/rows.hpp"
#include "server/devices/presence_sql.hpp"

namespace argosy::server {

namespace {

constexpr const char* changes_of = R"sql(
  with i as (
    select * from jsonb_to_recordset($1::jsonb) as r(device text, presence text, cause text, reason text)
  )
)sql";

// Those that have enough rows of the last day: the newest takes the change in. So it does when it began this very
// moment.
void take_into_newest(pqxx::work& transaction, const std::string& changes, Instant now) {
  static const std::string sql = std::string(changes_of) + R"sql(
    update presence_spans p
    set reachable_s = p.reachable_s +
          case when )sql" + reachable_sql("p") +
                                 R"sql( then greatest(extract(epoch from $2::timestamptz - p.settled_at), 0) else 0 end,
      settled_at = greatest(p.settled_at, $2::timestamptz), presence = i.presence, cause = i.cause, reason = i.reason, changes = p.changes + 1
    from i
    where p.device_id = i.device and p.to_at is null
      and (p.settled_at >= $2::timestamptz or (
        select count(*)
        from (
          select
          from presence_spans q
          where q.device_id = i.device and q.from_at > $2::timestamptz - interval '1 day'
          limit $3
        ) as recent
      ) >= $3)
  )sql";
  transaction.exec_params0(sql, changes, now, most_spans_a_day);
}

void begin_new(pqxx::work& transaction, const std::string& changes, Instant now) {
  static const std::string end = std::string(changes_of) + R"sql(
    update presence_spans p
    set to_at = $2::timestamptz
    from i
    where p.device_id = i.device and p.to_at is null and p.settled_at < $2::timestamptz
  )sql";
  transaction.exec_params0(end, changes, now);
  static const std::string begin = std::string(changes_of) + R"sql(
    insert into presence_spans (device_id, from_at, presence, cause, reason, settled_at)
    select device, $2::timestamptz, presence, cause, reason, $2::timestamptz
    from i
    where not exists (select from presence_spans p where p.device_id = i.device and p.to_at is null)
    on conflict (device_id, from_at) do nothing
  )sql";
  transaction.exec_params0(begin, changes, now);
}

}  // namespace

void keep_spans(pqxx::work& transaction, const std::vector<NewPresence>& changes, Instant now) {
  if (changes.empty()) return;
  auto rows = nlohmann::json::array();
  for (const NewPresence& change : changes)
    rows.push_back({{"device", change.device},
                    {"presence", to_string(change.presence)},
                    {"cause", to_string(change.cause)},
                    {"reason", change.reason}});
  const std::string text = rows.dump();
  take_into_newest(transaction, text, now);
  begin_new(transaction, text, now);
}

}  // namespace argosy::server
