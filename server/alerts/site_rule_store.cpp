#include "server/alerts/site_rule_store.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "server/alerts/alert_rows_store.hpp"

namespace argosy::server {

namespace {

constexpr std::int64_t sites_at_once = 500;

constexpr auto take_changed_sites = R"sql(
  with taken as (
    delete from site_changes
    where id in (select id from site_changes order by id limit $1 for update skip locked)
    returning site
  )
  select t.site, coalesce(s.devices, 0) as devices, coalesce(s.devices - s.reachable, 0) as offline,
    coalesce(coalesce(a.condition, a.state) = 'firing', false) as is_dark
  from (select distinct site from taken) t
  left join sites s on s.name = t.site
  left join alerts a on a.rule = 'site_dark' and a.subject = 'site/' || t.site and a.model = ''
    and a.state <> 'resolved'
  order by t.site
)sql";

std::string offline_of(const SiteLevel& level) {
  return std::to_string(level.offline) + " of its " + std::to_string(level.devices) + " devices " +
         (level.offline == 1 ? "is" : "are") + " offline";
}

AlertFinding finding_of(const SiteRule& rule, const std::string& site, AlertState state, const SiteLevel& level) {
  const auto devices = static_cast<double>(std::max<std::int64_t>(level.devices, 1));
  AlertFinding finding;
  finding.rule = built_in::site_dark.name;
  finding.severity = built_in::site_dark.severity;
  finding.site = site;
  finding.state = state;
  finding.value = static_cast<double>(level.offline) / devices;
  finding.threshold = rule.share;
  finding.message =
      "site " + site + (state == AlertState::firing ? " has gone dark: " : " is back: ") + offline_of(level);
  finding.details_json =
      nlohmann::json{{"label", rule.label}, {"devices", level.devices}, {"offline", level.offline}}.dump();
  finding.is_final = level.devices == 0;
  return finding;
}

}  // namespace

std::size_t judge_sites(pqxx::work& transaction, const SiteRule& rule, Instant now) {
  std::vector<AlertFinding> findings;
  for (const auto& row : transaction.exec_params(take_changed_sites, sites_at_once)) {
    const SiteLevel level{row["devices"].as<std::int64_t>(), row["offline"].as<std::int64_t>()};
    const auto present = row["is_dark"].as<bool>() ? AlertState::firing : AlertState::ok;
    const auto wanted = judge_site(rule, present, level);
    if (present == AlertState::ok && wanted == AlertState::ok) continue;
    findings.push_back(finding_of(rule, row["site"].as<std::string>(), wanted, level));
  }
  return apply_findings(transaction, findings, now);
}

}  // namespace argosy::server
