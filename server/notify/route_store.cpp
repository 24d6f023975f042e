#include "server/notify/route_store.hpp"

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"
#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {
namespace {

const std::string select_routes = R"sql(
  select r.id, r.settings, encode(r.secrets, 'hex') as secrets_hex, r.version, r.created_by, r.created_at, r.updated_at,
    s.waiting, s.waiting_bytes, s.rests_until, s.last_error
  from notice_routes r
  join notice_route_states s on s.route_id = r.id
)sql";

StoredRoute route_of(const pqxx::row& row) {
  StoredRoute stored;
  NoticeRoute& route = stored.route;
  route.id = row["id"].as<std::int64_t>();
  route.settings = settings_from_json(json_or_null(row["settings"].as<std::string>())).value();
  route.version = row["version"].as<std::int64_t>();
  route.created_by = row["created_by"].as<std::string>();
  route.created_at = row["created_at"].as<Instant>();
  route.updated_at = row["updated_at"].as<Instant>();
  route.waiting = row["waiting"].as<std::int64_t>();
  route.waiting_bytes = row["waiting_bytes"].as<std::int64_t>();
  route.rests_until = optional_of<Instant>(row["rests_until"]);
  route.last_error = row["last_error"].as<std::string>();
  stored.sealed = from_hex(row["secrets_hex"].as<std::string>()).value();
  return stored;
}

Result<StoredRoute> load_route(pqxx::work& transaction, std::int64_t id) {
  const auto rows = transaction.exec_params(select_routes + " where r.id = $1", id);
  if (rows.empty()) return make_error(Errc::not_found, "there is no route " + std::to_string(id));
  return route_of(rows[0]);
}

Result<void> check_name(pqxx::work& transaction, const std::string& name, std::int64_t own_id) {
  const auto rows = transaction.exec_params("select id from notice_routes where name = $1 and id <> $2", name, own_id);
  if (rows.empty()) return {};
  return make_error(Errc::conflict, "there is a route \"" + name + "\" already: it has the number " +
                                        std::to_string(rows[0][0].as<std::int64_t>()));
}

std::string object_of_route(std::int64_t id) {
  return "route/" + std::to_string(id);
}

}  // namespace

std::vector<StoredRoute> load_routes(pqxx::work& transaction) {
  std::vector<StoredRoute> routes;
  for (const auto& row : transaction.exec(select_routes + " order by r.name")) routes.push_back(route_of(row));
  return routes;
}

std::vector<NoticeRoute> ReadRoutes::operator()(pqxx::work& transaction) const {
  std::vector<NoticeRoute> routes;
  for (StoredRoute& stored : load_routes(transaction)) routes.push_back(std::move(stored.route));
  return routes;
}

Result<StoredRoute> ReadRoute::operator()(pqxx::work& transaction) const {
  return load_route(transaction, id);
}

Result<NoticeRoute> CreateRoute::operator()(pqxx::work& transaction) const {
  transaction.exec0("lock table notice_routes in share row exclusive mode");  // so that no two count at once
  const auto count = transaction.exec1("select count(*) from notice_routes")[0].as<std::size_t>();
  if (count >= most_routes)
    return make_error(Errc::illegal_transition,
                      "there are " + std::to_string(count) + " routes, and no more are possible: delete one");
  ARGOSY_CHECK(check_name(transaction, settings.name, 0));
  const auto id = transaction
                      .exec_params1(
                          R"sql(
        insert into notice_routes (name, settings, kinds, enabled, secrets, created_by, created_at, updated_at)
        values ($1, $2::jsonb, $3::text[], $4, decode($5, 'hex'), $6, $7::timestamptz, $7::timestamptz)
        returning id
      )sql",
                          settings.name, settings_to_json(settings).dump(), pg_array(settings.kinds), settings.enabled,
                          to_hex(sealed), actor, now)[0]
                      .as<std::int64_t>();
  transaction.exec_params0("insert into notice_route_states (route_id) values ($1)", id);
  append_audit(transaction, actor, "route.create", object_of_route(id), settings_to_json(settings).dump());
  ARGOSY_TRY(const StoredRoute made, load_route(transaction, id));
  return made.route;
}

Result<NoticeRoute> UpdateRoute::operator()(pqxx::work& transaction) const {
  ARGOSY_TRY(const StoredRoute before, load_route(transaction, id));
  ARGOSY_CHECK(check_name(transaction, settings.name, id));
  const auto changed = transaction.exec_params(
      R"sql(
        update notice_routes
        set name = $3, settings = $4::jsonb, kinds = $5::text[], enabled = $6, secrets = decode($7, 'hex'),
          version = version + 1, updated_at = $8::timestamptz
        where id = $1 and version = $2
      )sql",
      id, version, settings.name, settings_to_json(settings).dump(), pg_array(settings.kinds), settings.enabled,
      to_hex(sealed), now);
  if (changed.affected_rows() == 0)
    return make_error(Errc::precondition_failed, "the route has changed: its version is " +
                                                     std::to_string(before.route.version) + ", not " +
                                                     std::to_string(version) + "; read it again and decide anew");
  // Whatever was wrong may be mended now.
  transaction.exec_params0(
      "update notice_route_states set rests_until = null, failures = 0, last_error = '' where route_id = $1", id);
  const nlohmann::json details{{"version", version + 1}, {"settings", settings_to_json(settings)}};
  append_audit(transaction, actor, action, object_of_route(id), details.dump());
  ARGOSY_TRY(const StoredRoute after, load_route(transaction, id));
  return after.route;
}

Result<void> DeleteRoute::operator()(pqxx::work& transaction) const {
  ARGOSY_TRY(const StoredRoute before, load_route(transaction, id));
  transaction.exec_params0("delete from notice_routes where id = $1", id);
  append_audit(transaction, actor, "route.delete", object_of_route(id), settings_to_json(before.route.settings).dump());
  return {};
}

}  // namespace argosy::server
