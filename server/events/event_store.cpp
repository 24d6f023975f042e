#include "server/events/event_store.hpp"

#include "server/db/rows.hpp"
#include "server/events/event_rows_store.hpp"

namespace argosy::server {

namespace {

constexpr std::int64_t counted_up_to = 10'000;
// An id is taken a moment before the transaction's number, so two events may have them in opposite order; never by more
// than there are sessions. Looking back so far lets the primary key serve the order (xact, id).
constexpr std::int64_t id_slack = 1000;

constexpr auto seen_by_all = "xact < pg_snapshot_xmin(pg_current_snapshot())";

template <class Rows>
std::vector<Event> events_of(const Rows& rows) {
  std::vector<Event> events;
  for (const auto& row : rows) events.push_back(event_of(row));
  return events;
}

}  // namespace

EventPage ReadEvents::operator()(pqxx::work& transaction) const {
  std::optional<std::string> prefix;
  std::optional<std::string> kind = query.kind;
  if (kind && kind->ends_with('.')) {
    prefix = kind;
    kind.reset();
  }
  const std::string filter = R"sql(
    ($1::text is null or device_id = $1) and ($2::bigint is null or rollout_id = $2)
    and ($3::text is null or kind = $3) and ($4::text is null or starts_with(kind, $4))
    and ($5::text is null or severity = $5)
  )sql";
  EventPage page;
  page.total = transaction
                   .exec_params1("select count(*) from (select 1 from events where " + filter + " limit $6) as counted",
                                 query.device, query.rollout, kind, prefix, query.severity, counted_up_to)[0]
                   .as<std::int64_t>();
  const auto border = query.after ? query.after : query.before;
  const std::string range =
      query.after ? " and id > $6 order by id" : " and ($6::bigint is null or id < $6) order by id desc";
  // With `after` the reader follows the table, so he gets only what cannot be overtaken any more.
  const std::string settled = query.after ? std::string(" and ") + seen_by_all : std::string();
  page.items = events_of(transaction.exec_params(
      std::string("select ") + event_columns + " from events e where " + filter + settled + range + " limit $7",
      query.device, query.rollout, kind, prefix, query.severity, border, query.limit + 1));
  page.more = page.items.size() > query.limit;
  if (page.more) page.items.pop_back();
  return page;
}

EventPosition FindPosition::operator()(pqxx::work& transaction) const {
  const auto rows =
      id ? transaction.exec_params("select xact::text, id from events where id = $1", *id)
         : transaction.exec_params(std::string("select xact::text, id from (select xact, id from events where ") +
                                       seen_by_all +
                                       " order by id desc limit $1) as last order by xact desc, id desc limit 1",
                                   id_slack);
  if (!rows.empty()) return {rows[0][0].as<std::uint64_t>(), rows[0][1].as<std::int64_t>()};
  // The event was removed: go on with the ids behind it.
  return id ? EventPosition{0, *id} : EventPosition{};
}

std::vector<Event> ReadEventsAfter::operator()(pqxx::work& transaction) const {
  return events_of(transaction.exec_params(
      std::string("select ") + event_columns + " from events e where id > $1 and " + seen_by_all + R"sql(
        and (xact > $2::text::xid8 or (xact = $2::text::xid8 and id > $3))
        order by xact, id
        limit $4
      )sql",
      std::max<std::int64_t>(0, after.xact == 0 ? after.id : after.id - id_slack), std::to_string(after.xact), after.id,
      limit));
}

Marks ReadMarks::operator()(pqxx::work& transaction) const {
  Marks marks;
  if (!devices.empty()) {
    const auto rows = transaction.exec_params(
        R"sql(
          select device_id, xmin::text || ':' || ctid::text
          from device_state
          where device_id = any($1::text[])
        )sql",
        pg_array(devices));
    for (const auto& row : rows) marks.devices[row[0].as<std::string>()] = row[1].as<std::string>();
  }
  if (!rollouts.empty()) {
    const auto rows = transaction.exec_params(
        R"sql(
          select r.id,
            r.xmin::text || ':' || r.ctid::text || coalesce((
              select string_agg(w.xmin::text || ':' || w.ctid::text, ',' order by w.wave)
              from rollout_waves w
              where w.rollout_id = r.id
            ), '')
          from rollouts r
          where r.id = any($1::bigint[])
        )sql",
        pg_array(rollouts));
    for (const auto& row : rows) marks.rollouts[row[0].as<std::int64_t>()] = row[1].as<std::string>();
  }
  if (overview) {
    // What the statistics say: the tables themselves would have to be read whole. A second late at times.
    const auto row = transaction.exec1(R"sql(
      select pg_stat_get_tuples_inserted(oid) + pg_stat_get_tuples_updated(oid)
      from pg_class
      where oid = 'device_state'::regclass
    )sql");
    marks.overview = row[0].as<std::string>();
  }
  return marks;
}

}  // namespace argosy::server
