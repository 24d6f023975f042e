#include "server/alerts/site_rule_store.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

constexpr std::int64_t sites_at_once = 500;

struct ChangedSite {
  std::string name;
  SiteLevel level;
  AlertStep step = AlertStep::none;
};

constexpr auto take_changed_sites = R"sql(
  with taken as (
    delete from site_changes
    where id in (select id from site_changes order by id limit $1 for update skip locked)
    returning site
  )
  select t.site, coalesce(s.devices, 0) as devices, coalesce(s.devices - s.reachable, 0) as offline,
    a.id is not null as is_open
  from (select distinct site from taken) t
  left join sites s on s.name = t.site
  left join alerts a on a.rule = 'site_dark' and a.site = t.site and a.state <> 'resolved'
  order by t.site
)sql";

constexpr auto open_site_alerts = R"sql(
  insert into alerts (rule, severity, site, state, value, threshold, message, details, opened_at, fired_at)
  select 'site_dark', $3, site, 'firing', value, threshold, message, details, $2::timestamptz, $2::timestamptz
  from jsonb_to_recordset($1::jsonb) as r(site text, value double precision, threshold double precision, message text,
    details jsonb)
  on conflict do nothing
  returning id, site
)sql";

constexpr auto refresh_site_alerts = R"sql(
  update alerts a
  set value = f.value, message = f.message, details = a.details || f.details
  from jsonb_to_recordset($1::jsonb) as f(site text, value double precision, message text, details jsonb)
  where a.rule = 'site_dark' and a.site = f.site and a.state <> 'resolved'
)sql";

constexpr auto end_site_alerts = R"sql(
  update alerts a
  set state = 'resolved', resolved_at = $2::timestamptz, value = f.value,
    details = a.details || f.details || jsonb_build_object('resolution', f.message)
  from jsonb_to_recordset($1::jsonb) as f(site text, value double precision, message text, details jsonb)
  where a.rule = 'site_dark' and a.site = f.site and a.state = 'firing'
  returning a.id, a.site
)sql";

// Whose alerts opened so shortly before that they are part of it.
constexpr auto note_those_with_alerts = R"sql(
  insert into level_changes (device_id)
  select a.device_id
  from alerts a
  join site_devices m on m.device_id = a.device_id
  where a.rule = 'gone_dark' and a.state = 'firing' and a.fired_at >= $2::timestamptz
    and m.site in (select unnest($1::text[]))
)sql";

// Who is still away has an alert of its own from now on.
constexpr auto note_those_away = R"sql(
  insert into level_changes (device_id)
  select device_id from site_devices where site in (select unnest($1::text[])) and not is_reachable
)sql";

std::string offline_of(const SiteLevel& level) {
  return std::to_string(level.offline) + " of its " + std::to_string(level.devices) + " devices " +
         (level.offline == 1 ? "is" : "are") + " offline";
}

std::string message_of(const ChangedSite& site) {
  if (site.step != AlertStep::resolve) return "site " + site.name + " has gone dark: " + offline_of(site.level);
  return "site " + site.name + " is back: " + offline_of(site.level);
}

nlohmann::json row_of(const ChangedSite& site, const SiteRule& rule) {
  const auto devices = static_cast<double>(std::max<std::int64_t>(site.level.devices, 1));
  return {{"site", site.name},
          {"value", static_cast<double>(site.level.offline) / devices},
          {"threshold", rule.share},
          {"message", message_of(site)},
          {"details", {{"label", rule.label}, {"devices", site.level.devices}, {"offline", site.level.offline}}}};
}

void announce_sites(pqxx::work& transaction, const pqxx::result& rows, const std::vector<ChangedSite>& sites,
                    const char* kind) {
  std::map<std::string, const ChangedSite*> by_name;
  for (const ChangedSite& site : sites) by_name[site.name] = &site;
  std::vector<NewEvent> events;
  for (const auto& row : rows) {
    const ChangedSite& site = *by_name.at(row["site"].as<std::string>());
    NewEvent event;
    event.kind = kind;
    event.severity = site.step == AlertStep::fire ? std::string(built_in::site_dark.severity) : "info";
    event.message = message_of(site);
    event.details_json = nlohmann::json{
        {"alert", row["id"].as<std::int64_t>()},
        {"rule", built_in::site_dark.name},
        {"site", site.name}}.dump();
    events.push_back(std::move(event));
  }
  append_events(transaction, events);
}

std::vector<ChangedSite> changed_sites(pqxx::work& transaction, const SiteRule& rule) {
  std::vector<ChangedSite> sites;
  for (const auto& row : transaction.exec_params(take_changed_sites, sites_at_once)) {
    ChangedSite site{row["site"].as<std::string>(),
                     {row["devices"].as<std::int64_t>(), row["offline"].as<std::int64_t>()}};
    const auto present = row["is_open"].as<bool>() ? AlertState::firing : AlertState::ok;
    site.step = next_step(present, judge_site(rule, present, site.level));
    sites.push_back(std::move(site));
  }
  return sites;
}

}  // namespace

std::size_t judge_sites(pqxx::work& transaction, const SiteRule& rule, Instant now) {
  const auto sites = changed_sites(transaction, rule);
  std::map<AlertStep, nlohmann::json> rows;
  std::map<AlertStep, std::vector<std::string>> names;
  for (const ChangedSite& site : sites) {
    rows.try_emplace(site.step, nlohmann::json::array()).first->second.push_back(row_of(site, rule));
    names[site.step].push_back(site.name);
  }
  std::size_t moved = 0;
  if (rows.contains(AlertStep::fire)) {
    const auto opened = transaction.exec_params(open_site_alerts, rows[AlertStep::fire].dump(), now,
                                                std::string(built_in::site_dark.severity));
    announce_sites(transaction, opened, sites, "alert.firing");
    transaction.exec_params0(note_those_with_alerts, pg_array(names[AlertStep::fire]), now - rule.folds_in);
    moved += opened.size();
  }
  if (rows.contains(AlertStep::refresh)) transaction.exec_params0(refresh_site_alerts, rows[AlertStep::refresh].dump());
  if (rows.contains(AlertStep::resolve)) {
    const auto ended = transaction.exec_params(end_site_alerts, rows[AlertStep::resolve].dump(), now);
    announce_sites(transaction, ended, sites, "alert.resolved");
    transaction.exec_params0(note_those_away, pg_array(names[AlertStep::resolve]));
    moved += ended.size();
  }
  return moved;
}

}  // namespace argosy::server
