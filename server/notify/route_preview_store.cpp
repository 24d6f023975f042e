#include "server/db/rows.hpp"
#include "server/notify/delivery_rows_store.hpp"
#include "server/notify/route_store.hpp"
#include "server/notify/told_events_store.hpp"

namespace argosy::server {
namespace {

constexpr Duration previewed = std::chrono::hours(7 * 24);
constexpr std::int64_t most_searched = 50'000;
constexpr std::int64_t most_previewed = 5'000;

// The newest of those kinds, by their number: a search by time would read all of them.
pqxx::result find_events(pqxx::work& transaction, const RouteSettings& settings, Instant from) {
  return transaction.exec_params(
      R"sql(
        select id
        from (select id, at, kind, details from events order by id desc limit $3) e
        where at >= $1::timestamptz and (details ? 'routes' or exists (
          select
          from unnest($2::text[]) as k
          where k = kind or (right(k, 1) = '*' and starts_with(kind, left(k, -1)))
        ))
        order by id desc
        limit $4
      )sql",
      from, pg_array(settings.kinds), most_searched, most_previewed);
}

bool reaches_back(pqxx::work& transaction, Instant from) {
  const auto row = transaction.exec_params1(
      "select count(*) < $1 or min(at) < $2::timestamptz from (select at from events order by id desc limit $1) e",
      most_searched, from);
  return row[0].as<bool>();
}

}  // namespace

RoutePreview PreviewRoute::operator()(pqxx::work& transaction) const {
  const Instant from = now - previewed;
  const auto ids = ids_of(find_events(transaction, settings, from));
  const auto events = load_told_events(transaction, ids, site_label, !settings.filter.empty());
  RoutePreview preview = preview_route(settings, events, site_label);
  preview.from = from;
  preview.to = now;
  preview.is_cut = std::ssize(ids) == most_previewed || !reaches_back(transaction, from);
  return preview;
}

}  // namespace argosy::server
