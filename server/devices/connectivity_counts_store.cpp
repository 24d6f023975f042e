#include "server/devices/connectivity_counts_store.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <string>

#include "common/base/sql_words.hpp"
#include "server/db/rows.hpp"
#include "server/devices/presence_sql.hpp"

namespace argosy::server {

namespace {

using Json = nlohmann::json;

constexpr std::int64_t carried_on_at_once = 200;  // sites without a change, in one transaction

double as_seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

struct SiteMoves {
  std::int64_t devices = 0;
  std::int64_t reachable = 0;
};

struct DeviceToCount {
  std::string device;
  bool counts = false;
  std::string site;
  bool is_reachable = false;
  std::optional<std::string> was_site;  // none: it was not counted
  bool was_reachable = false;
};

struct CountedSite {
  std::string name;
  std::int64_t devices = 0;
  std::int64_t reachable = 0;
  Instant counted_until{};
};

// One call of CountDevices.
class Count {
 public:
  Count(pqxx::work& transaction, const SiteCounting& counting, Instant now)
      : transaction_(transaction), counting_(counting), now_(now) {}

  std::size_t operator()() {
    const std::size_t taken = take_devices();
    if (!devices_.empty()) {
      std::vector<DeviceToCount> all = read_devices();
      put_where_there_is_room(all);
      for (const DeviceToCount& one : all) count_one(one);
      write_devices(all);
    }
    carry_on();
    return taken;
  }

 private:
  std::size_t take_devices() {
    const auto rows = transaction_.exec_params(
        R"sql(
          with taken as (
            delete from uncounted_devices
            where id in (select id from uncounted_devices order by id limit $1 for update skip locked)
            returning device_id
          )
          select device_id, count(*) from taken group by 1 order by 1
        )sql",
        static_cast<std::int64_t>(counting_.limit));
    std::size_t taken = 0;
    for (const auto& row : rows) {
      devices_.push_back(row[0].as<std::string>());
      taken += row[1].as<std::size_t>();
    }
    return taken;
  }

  std::vector<DeviceToCount> read_devices() {
    static const std::string sql = R"sql(
      select i.device, coalesce(d.revoked_at is null and s.presence <> )sql" +
                                   sql_word(Presence::never_seen) + R"sql(, false) as counts,
        coalesce(d.labels ->> $2, '') as site, coalesce()sql" +
                                   reachable_sql("s") + R"sql(, false) as is_reachable,
        m.site as was_site, coalesce(m.is_reachable, false) as was_reachable
      from unnest($1::text[]) as i(device)
      left join lateral (select labels, revoked_at from devices where id = i.device limit 1) d on true
      left join lateral (select presence from device_state where device_id = i.device limit 1) s on true
      left join lateral (select site, is_reachable from site_devices where device_id = i.device limit 1) m on true
    )sql";
    std::vector<DeviceToCount> all;
    for (const auto& row : transaction_.exec_params(sql, pg_array(devices_), counting_.label))
      all.push_back({row["device"].as<std::string>(), row["counts"].as<bool>(), row["site"].as<std::string>(),
                     row["is_reachable"].as<bool>(), optional_of<std::string>(row["was_site"]),
                     row["was_reachable"].as<bool>()});
    return all;
  }

  // Devices of sites beyond the limit have none.
  void put_where_there_is_room(std::vector<DeviceToCount>& all) {
    std::set<std::string> wanted;
    for (const DeviceToCount& one : all)
      if (one.counts && !one.site.empty()) wanted.insert(one.site);
    if (wanted.empty()) return;
    for (const auto& row :
         transaction_.exec_params("select name from sites where name in (select unnest($1::text[]))", pg_array(wanted)))
      wanted.erase(row[0].as<std::string>());
    if (wanted.empty()) return;
    const auto room =
        most_sites - std::min(most_sites, transaction_.exec1("select count(*) from sites")[0].as<std::size_t>());
    std::size_t place = 0;
    std::set<std::string> too_many;
    for (const std::string& name : wanted)
      if (place++ >= room) too_many.insert(name);
    for (DeviceToCount& one : all)
      if (too_many.contains(one.site)) one.site.clear();
  }

  void count_one(const DeviceToCount& one) {
    if (one.was_site) {
      auto& left = moves_[*one.was_site];
      left.devices -= 1;
      left.reachable -= one.was_reachable ? 1 : 0;
    }
    if (one.counts) {
      auto& joined = moves_[one.site];
      joined.devices += 1;
      joined.reachable += one.is_reachable ? 1 : 0;
    }
  }

  void write_devices(const std::vector<DeviceToCount>& all) {
    Json rows = Json::array();
    std::vector<std::string> gone;
    for (const DeviceToCount& one : all) {
      if (one.counts) {
        rows.push_back({{"device", one.device}, {"site", one.site}, {"reachable", one.is_reachable}});
      } else if (one.was_site) {
        gone.push_back(one.device);
      }
    }
    if (!gone.empty())
      transaction_.exec_params0("delete from site_devices where device_id in (select unnest($1::text[]))",
                                pg_array(gone));
    if (rows.empty()) return;
    transaction_.exec_params0(
        R"sql(
          insert into site_devices as m (device_id, site, is_reachable)
          select device, site, reachable
          from jsonb_to_recordset($1::jsonb) as r(device text, site text, reachable boolean)
          order by device
          on conflict (device_id) do update set site = excluded.site, is_reachable = excluded.is_reachable
          where (m.site, m.is_reachable) is distinct from (excluded.site, excluded.is_reachable)
        )sql",
        rows.dump());
  }

  // Brings the hours of the sites up to now, and then their counts to what they are.
  void carry_on() {
    std::vector<CountedSite> sites = read_sites();
    if (sites.empty()) return;
    Instant oldest = now_;
    for (const CountedSite& site : sites) oldest = std::min(oldest, site.counted_until);
    const std::vector<Stretch> unwatched = unwatched_since(transaction_, oldest);
    Json hours = Json::array();
    Json counts = Json::array();
    for (const CountedSite& site : sites) {
      for (const SiteHour& hour : hours_of(site.devices, site.reachable, {site.counted_until, now_}, unwatched))
        hours.push_back({{"hour", to_rfc3339(hour.hour)},
                         {"site", site.name},
                         {"reachable", as_seconds(hour.reachable)},
                         {"expected", as_seconds(hour.expected)}});
      const SiteMoves moves = moves_[site.name];
      counts.push_back({{"name", site.name},
                        {"devices", site.devices + moves.devices},
                        {"reachable", site.reachable + moves.reachable}});
    }
    write_hours(hours);
    write_counts(counts);
  }

  // Those that change, and the next of those that were not carried on since the hour began.
  std::vector<CountedSite> read_sites() {
    std::vector<std::string> changed;
    for (const auto& [name, moves] : moves_)
      if (moves.devices != 0 || moves.reachable != 0) changed.push_back(name);
    const auto rows = transaction_.exec_params(
        R"sql(
          select name, devices, reachable, counted_until
          from sites
          where name in (
            select unnest($1::text[])
            union
            (select name from sites where counted_until < $2::timestamptz order by counted_until limit $3)
          )
          for update
        )sql",
        pg_array(changed), hour_of(now_), carried_on_at_once);
    std::vector<CountedSite> sites;
    std::set<std::string> missing(changed.begin(), changed.end());
    for (const auto& row : rows) {
      sites.push_back({row["name"].as<std::string>(), row["devices"].as<std::int64_t>(),
                       row["reachable"].as<std::int64_t>(), row["counted_until"].as<Instant>()});
      missing.erase(sites.back().name);
    }
    for (const std::string& name : missing) sites.push_back({name, 0, 0, now_});
    return sites;
  }

  void write_hours(const Json& hours) {
    if (hours.empty()) return;
    transaction_.exec_params0(
        R"sql(
          insert into site_hours as h (hour, site, reachable_s, expected_s)
          select hour, site, reachable, expected
          from jsonb_to_recordset($1::jsonb) as r(hour timestamptz, site text, reachable double precision,
            expected double precision)
          on conflict (hour, site) do update set
            reachable_s = h.reachable_s + excluded.reachable_s, expected_s = h.expected_s + excluded.expected_s
        )sql",
        hours.dump());
  }

  void write_counts(const Json& counts) {
    transaction_.exec_params0(
        R"sql(
          insert into sites (name, devices, reachable, counted_until)
          select name, devices, reachable, $2::timestamptz
          from jsonb_to_recordset($1::jsonb) as r(name text, devices bigint, reachable bigint)
          on conflict (name) do update set
            devices = excluded.devices, reachable = excluded.reachable,
            counted_until = greatest(sites.counted_until, excluded.counted_until)
        )sql",
        counts.dump(), now_);
    std::vector<std::string> empty;
    for (const Json& each : counts)
      if (each["devices"] == 0) empty.push_back(each["name"]);
    if (!empty.empty())
      transaction_.exec_params0("delete from sites where name in (select unnest($1::text[]))", pg_array(empty));
  }

  pqxx::work& transaction_;
  const SiteCounting& counting_;
  Instant now_;
  std::vector<std::string> devices_;
  std::map<std::string, SiteMoves> moves_;  // by site
};

}  // namespace

std::size_t CountDevices::operator()(pqxx::work& transaction) const {
  return Count(transaction, counting, now)();
}

void note_unwatched(pqxx::work& transaction, const Stretch& time) {
  transaction.exec_params0(
      "insert into unwatched_times (from_at, to_at) values ($1::timestamptz, $2::timestamptz) on conflict do nothing",
      time.from, time.to);
}

std::vector<Stretch> unwatched_since(pqxx::work& transaction, Instant from) {
  std::vector<Stretch> times;
  for (const auto& row : transaction.exec_params(
           "select from_at, to_at from unwatched_times where to_at > $1::timestamptz order by from_at desc limit 2000",
           from))
    times.push_back({row[0].as<Instant>(), row[1].as<Instant>()});
  std::reverse(times.begin(), times.end());
  return times;
}

}  // namespace argosy::server
