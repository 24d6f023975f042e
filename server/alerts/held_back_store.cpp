#include "server/alerts/held_back_store.hpp"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "common/base/sql_words.hpp"
#include "common/json/json_text.hpp"
#include "server/alerts/silence_rows_store.hpp"
#include "server/alerts/site_dark.hpp"
#include "server/db/rows.hpp"
#include "server/devices/filter.hpp"
#include "server/devices/filter_sql.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

void stand_under(Surroundings& of, const pqxx::field& alert, const std::string& above) {
  of.held_back.inhibited_by = alert.as<std::int64_t>();
  of.inhibited_why = "alert " + std::to_string(*of.held_back.inhibited_by) + " on " + above + " stands for it";
}

std::string rollout_text(std::int64_t rollout) {
  return "rollout " + std::to_string(rollout);
}

// A rollout that has begun with the device stands above its site, and a site above a device that is away.
void find_above_devices(pqxx::work& transaction, const std::vector<const AlertCard*>& cards, Instant now,
                        std::vector<Surroundings>& found) {
  auto asked = json::array();
  for (std::size_t place = 0; place < cards.size(); ++place) {
    const auto& what = cards[place]->what;
    if (what.device.empty()) continue;
    asked.push_back({{"place", place},
                     {"device", what.device},
                     {"model", what.model},
                     {"fired_at", to_rfc3339(cards[place]->fired_at.value_or(now))}});
  }
  if (asked.empty()) return;
  static const std::string sql = R"sql(
    select k.place, coalesce(m.site, '') as site, r.id as by_rollout, r.rollout_id, s.id as by_site
    from jsonb_to_recordset($1::jsonb) as k(place int, device text, model text, fired_at timestamptz)
    left join site_devices m on m.device_id = k.device
    left join device_state p on p.device_id = k.device
    left join lateral (
      select a.id, a.rollout_id
      from alerts a
      join rollouts o on o.id = a.rollout_id
      join rollout_devices q on q.rollout_id = a.rollout_id and q.device_id = k.device
      where a.rollout_id is not null and a.rule = 'rollout_paused' and a.state = 'firing' and q.notified_at <= k.fired_at
        and (k.model = '' or k.model = o.model)
      order by a.id desc
      limit 1
    ) r on true
    left join lateral (
      select a.id
      from alerts a
      where a.rule = 'site_dark' and a.model = '' and a.subject = 'site/' || m.site and a.state = 'firing'
        and k.fired_at >= a.fired_at - $2::double precision * interval '1 ms' and p.presence <>
  )sql" + sql_word(to_string(Presence::online)) +
                                 R"sql(
    ) s on true
  )sql";
  const auto folds_in = static_cast<double>(SiteRule{}.folds_in.count());
  for (const auto& row : transaction.exec_params(sql, asked.dump(), folds_in)) {
    auto& of = found[row["place"].as<std::size_t>()];
    const auto site = row["site"].as<std::string>();
    if (!site.empty()) of.group = "site/" + site;
    if (!row["by_rollout"].is_null()) {
      const auto rollout = row["rollout_id"].as<std::int64_t>();
      of.group = "rollout/" + std::to_string(rollout);
      stand_under(of, row["by_rollout"], rollout_text(rollout));
    } else if (!row["by_site"].is_null()) {
      stand_under(of, row["by_site"], "site " + site);
    }
  }
}

// A rollout stands above a site when most of the site's devices that are away had begun it.
void find_above_sites(pqxx::work& transaction, const std::vector<const AlertCard*>& cards,
                      std::vector<Surroundings>& found) {
  auto asked = json::array();
  for (std::size_t place = 0; place < cards.size(); ++place) {
    const auto& site = cards[place]->what.site;
    if (site.empty()) continue;
    found[place].group = "site/" + site;
    asked.push_back({{"place", place}, {"site", site}});
  }
  if (asked.empty()) return;
  constexpr auto sql = R"sql(
    select k.place, r.id, r.rollout_id
    from jsonb_to_recordset($1::jsonb) as k(place int, site text)
    cross join lateral (
      select a.id, a.rollout_id
      from alerts a
      where a.rollout_id is not null and a.rule = 'rollout_paused' and a.state = 'firing'
        and (
          select count(*) > 0 and 2 * count(q.device_id) > count(*)
          from site_devices m
          left join rollout_devices q on q.rollout_id = a.rollout_id and q.device_id = m.device_id
            and q.notified_at is not null
          where m.site = k.site and not m.is_reachable
        )
      order by a.id desc
      limit 1
    ) r
  )sql";
  for (const auto& row : transaction.exec_params(sql, asked.dump())) {
    auto& of = found[row["place"].as<std::size_t>()];
    const auto rollout = row["rollout_id"].as<std::int64_t>();
    of.group = "rollout/" + std::to_string(rollout);
    stand_under(of, row["id"], rollout_text(rollout));
  }
}

// A site for a filter of devices: one that has its label, and nothing else.
bool matches_site(const Filter& filter, const AlertFinding& what) {
  const auto details = json_or_null(what.details_json);
  const bool is_labelled = details.is_object() && details.contains("label") && details["label"].is_string();
  Device device;
  device.labels[is_labelled ? details["label"].get<std::string>() : SiteRule{}.label] = what.site;
  return matches(filter, device);
}

std::set<std::string> devices_in(pqxx::work& transaction, const Filter& filter,
                                 const std::vector<std::string>& devices) {
  auto condition = to_sql(filter, 2);
  std::vector<std::string> parameters{pg_array(devices)};
  parameters.insert(parameters.end(), condition.parameters.begin(), condition.parameters.end());
  const auto rows =
      transaction.exec_params(
          R"sql(
        select d.id
        from devices d
        join device_state s on s.device_id = d.id
        where d.id in (select unnest($1::text[])) and
      )sql" + condition.text,
          pqxx::prepare::make_dynamic_params(parameters));
  std::set<std::string> in;
  for (const auto& row : rows) in.insert(row[0].as<std::string>());
  return in;
}

// The places of those that the silence covers, of those that it asks for.
std::vector<std::size_t> covered_by(pqxx::work& transaction, const Silence& silence,
                                    const std::vector<const AlertCard*>& cards,
                                    const std::vector<std::size_t>& asked_for) {
  if (silence.match.filter.empty()) return asked_for;
  const auto filter = parse_filter(silence.match.filter);
  std::vector<std::size_t> covered;
  if (!filter) return covered;
  std::vector<std::string> devices;
  for (const auto place : asked_for) {
    if (!cards[place]->what.device.empty()) devices.push_back(cards[place]->what.device);
  }
  const auto in = devices.empty() ? std::set<std::string>{} : devices_in(transaction, *filter, devices);
  for (const auto place : asked_for) {
    const auto& what = cards[place]->what;
    if (in.contains(what.device) || (!what.site.empty() && matches_site(*filter, what))) covered.push_back(place);
  }
  return covered;
}

void find_silences(pqxx::work& transaction, const std::vector<const AlertCard*>& cards, Instant now,
                   std::vector<Surroundings>& found) {
  for (const auto& silence : read_silences_in_effect(transaction, now)) {
    std::vector<std::size_t> asked_for;
    for (std::size_t place = 0; place < cards.size(); ++place) {
      const auto& what = cards[place]->what;
      const AlertFacts facts{what.rule, what.model, what.severity};
      if (!found[place].held_back.silenced_by && asks_for(silence.match, facts)) asked_for.push_back(place);
    }
    if (asked_for.empty()) continue;
    for (const auto place : covered_by(transaction, silence, cards, asked_for)) {
      found[place].held_back.silenced_by = silence.id;
      found[place].silenced_why =
          "silence " + std::to_string(silence.id) + " of " + silence.author + ": " + silence.comment;
    }
  }
}

}  // namespace

std::vector<Surroundings> read_surroundings(pqxx::work& transaction, const std::vector<const AlertCard*>& cards,
                                            Instant now) {
  std::vector<Surroundings> found(cards.size());
  if (cards.empty()) return found;
  for (std::size_t place = 0; place < cards.size(); ++place) {
    const auto& what = cards[place]->what;
    found[place].group = what.rollout ? subject_of(what) : "rule/" + what.rule;
  }
  find_above_devices(transaction, cards, now, found);
  find_above_sites(transaction, cards, found);
  find_silences(transaction, cards, now, found);
  return found;
}

void note_those_under(pqxx::work& transaction, const std::vector<const AlertCard*>& moved, Instant now) {
  std::vector<std::int64_t> ended, rollouts;
  std::vector<std::string> sites;
  for (const auto* card : moved) {
    if (!card->what.device.empty()) continue;
    if (card->life.state == AlertState::resolved) {
      ended.push_back(card->id);
    } else if (card->life.state == AlertState::firing) {
      if (card->what.rollout)
        rollouts.push_back(*card->what.rollout);
      else
        sites.push_back(card->what.site);
    }
  }
  if (!ended.empty())
    transaction.exec_params0(
        R"sql(
          update alerts
          set look_at = $2::timestamptz
          where inhibited_by in (select unnest($1::bigint[])) and state = 'firing'
        )sql",
        pg_array(ended), now);
  if (!sites.empty())
    transaction.exec_params0(
        R"sql(
          update alerts a
          set look_at = $2::timestamptz
          from site_devices m
          where m.site in (select unnest($1::text[])) and not m.is_reachable and a.device_id = m.device_id
            and a.state = 'firing' and a.inhibited_by is null
        )sql",
        pg_array(sites), now);
  if (!rollouts.empty())
    transaction.exec_params0(
        R"sql(
          update alerts a
          set look_at = $2::timestamptz
          from rollout_devices q
          where q.rollout_id in (select unnest($1::bigint[])) and q.notified_at is not null
            and a.device_id = q.device_id and a.state = 'firing'
        )sql",
        pg_array(rollouts), now);
}

}  // namespace argosy::server
