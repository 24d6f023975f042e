#include "server/devices/connectivity_store.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "common/base/text.hpp"
#include "server/db/rows.hpp"
#include "server/devices/connectivity_counts_store.hpp"

namespace argosy::server {

namespace {

constexpr std::int64_t most_kept_spans = 5000;  // a device has at most 96 a day
constexpr std::int64_t intermittent_told = 20;

Duration from_seconds(const pqxx::field& field) {
  return std::chrono::round<Duration>(std::chrono::duration<double>(field.as<double>()));
}

// With what nobody watches right now: the one who leads has not told of itself for too long.
std::vector<Stretch> unwatched_until_now(pqxx::work& transaction, Instant from, Duration longest_pause, Instant now) {
  std::vector<Stretch> times = unwatched_since(transaction, from);
  const auto row = transaction.exec1("select watched_until from presence_watch where only_row");
  const auto until = optional_of<Instant>(row[0]);
  if (until && now - *until > longest_pause) times.push_back({*until, now});
  return times;
}

std::vector<KeptSpan> kept_spans(pqxx::work& transaction, const DeviceId& device, const Stretch& range) {
  std::vector<KeptSpan> kept;
  const auto rows = transaction.exec_params(
      R"sql(
        select from_at, coalesce(to_at, $3::timestamptz) as to_at, presence, cause, reason, settled_at, reachable_s,
          changes
        from presence_spans
        where device_id = $1 and from_at < $3::timestamptz and (to_at is null or to_at > $2::timestamptz)
        order by from_at desc
        limit $4
      )sql",
      device.value(), range.from, range.to, most_kept_spans);
  for (const auto& row : rows)
    kept.push_back({{row["from_at"].as<Instant>(), row["to_at"].as<Instant>()},
                    enum_of(row["presence"], parse_presence),
                    enum_of(row["cause"], parse_presence_cause),
                    row["reason"].as<std::string>(),
                    row["settled_at"].as<Instant>(),
                    from_seconds(row["reachable_s"]),
                    row["changes"].as<std::int64_t>()});
  std::reverse(kept.begin(), kept.end());
  return kept;
}

Availability availability_in(const pqxx::row& row) {
  return {from_seconds(row["reachable_s"]), from_seconds(row["expected_s"]), Duration{0}};
}

// One call of ReadConnectivity.
class Reading {
 public:
  Reading(pqxx::work& transaction, const ReadConnectivity& asked) : transaction_(transaction), asked_(asked) {
    told_.label = asked.options.site_label;
    // Of whole hours, and of the present one what there was of it.
    const Instant end = std::chrono::ceil<std::chrono::hours>(asked.query.range.to);
    told_.range = {hour_of(asked.query.range.from), std::min<Instant>(end, asked.now)};
    for (Instant hour = told_.range.from; hour < told_.range.to; hour += std::chrono::hours(1))
      told_.hours.push_back(hour);
  }

  Connectivity operator()() {
    read_past();
    read_present();
    add_up();
    read_hours();
    read_alerts();
    read_intermittent();
    return std::move(told_);
  }

 private:
  void read_past() {
    const auto rows = transaction_.exec_params(
        R"sql(
          select site, sum(reachable_s) as reachable_s, sum(expected_s) as expected_s
          from site_hours
          where hour >= $1::timestamptz and hour < $2::timestamptz
          group by 1
        )sql",
        told_.range.from, told_.range.to);
    for (const auto& row : rows) {
      const auto name = row["site"].as<std::string>();
      sites_[name].site = name;
      sites_[name].availability = availability_in(row);
    }
  }

  // What is there now, and what it comes to since it was written down.
  void read_present() {
    const auto rows = transaction_.exec("select name, devices, reachable, counted_until from sites");
    Instant oldest = asked_.now;
    for (const auto& row : rows) oldest = std::min(oldest, row["counted_until"].as<Instant>());
    const auto unwatched = unwatched_until_now(transaction_, oldest, asked_.options.longest_pause, asked_.now);
    for (const auto& row : rows) {
      auto& site = sites_[row["name"].as<std::string>()];
      site.site = row["name"].as<std::string>();
      site.devices = row["devices"].as<std::int64_t>();
      site.reachable = row["reachable"].as<std::int64_t>();
      const Stretch since = common({row["counted_until"].as<Instant>(), asked_.now}, told_.range);
      for (const SiteHour& hour : hours_of(site.devices, site.reachable, since, unwatched)) {
        const Availability more{hour.reachable, hour.expected, Duration{0}};
        site.availability += more;
        latest_[{site.site, hour.hour}] += more;
      }
    }
  }

  void add_up() {
    for (const auto& [name, site] : sites_) {
      told_.sites.push_back(site);
      add(told_.fleet, site);
    }
    std::sort(told_.sites.begin(), told_.sites.end(), [](const SiteAvailability& one, const SiteAvailability& other) {
      const auto rank = [](const SiteAvailability& each) {
        return std::tuple(each.availability.share().value_or(2), -each.devices, each.site);
      };
      return rank(one) < rank(other);
    });
    while (told_.sites.size() > asked_.query.sites) {
      add(told_.others, told_.sites.back());
      told_.sites.pop_back();
      ++told_.other_sites;
    }
  }

  static void add(SiteAvailability& sum, const SiteAvailability& site) {
    sum.devices += site.devices;
    sum.reachable += site.reachable;
    sum.availability += site.availability;
  }

  // Of the fleet, and of the sites that are told.
  void read_hours() {
    std::map<std::pair<std::string, Instant>, Availability> by_hour;
    std::map<Instant, Availability> of_fleet;
    std::vector<std::string> names;
    for (const SiteAvailability& site : told_.sites) names.push_back(site.site);
    const auto rows = transaction_.exec_params(
        R"sql(
          select site, hour, reachable_s, expected_s
          from site_hours
          where hour >= $1::timestamptz and hour < $2::timestamptz and site in (select unnest($3::text[]))
        )sql",
        told_.range.from, told_.range.to, pg_array(names));
    for (const auto& row : rows)
      by_hour[{row["site"].as<std::string>(), row["hour"].as<Instant>()}] = availability_in(row);
    const auto sums = transaction_.exec_params(
        R"sql(
          select hour, sum(reachable_s) as reachable_s, sum(expected_s) as expected_s
          from site_hours
          where hour >= $1::timestamptz and hour < $2::timestamptz
          group by 1
        )sql",
        told_.range.from, told_.range.to);
    for (const auto& row : sums) of_fleet[row["hour"].as<Instant>()] = availability_in(row);
    for (const auto& [key, more] : latest_) {
      by_hour[key] += more;
      of_fleet[key.second] += more;
    }
    for (const Instant hour : told_.hours) {
      told_.fleet.by_hour.push_back(of_fleet[hour].share());
      for (SiteAvailability& site : told_.sites) site.by_hour.push_back(by_hour[{site.site, hour}].share());
    }
  }

  void read_alerts() {
    std::map<std::string, std::int64_t> dark;
    for (const auto& row : transaction_.exec(
             "select site, id from alerts where rule = 'site_dark' and state = 'firing' and site is not null"))
      dark[row[0].as<std::string>()] = row[1].as<std::int64_t>();
    for (SiteAvailability& site : told_.sites) {
      const auto found = dark.find(site.site);
      if (found != dark.end()) site.dark_alert = found->second;
    }
  }

  void read_intermittent() {
    const auto rows = transaction_.exec_params(
        R"sql(
          select s.device_id, s.presence, coalesce(d.labels ->> $1, '') as site, count(*) over () as devices
          from device_state s
          join devices d on d.id = s.device_id and d.revoked_at is null
          where s.intermittent_until is not null
          order by s.device_id
          limit $2
        )sql",
        told_.label, intermittent_told);
    for (const auto& row : rows) {
      told_.intermittent_devices = row["devices"].as<std::int64_t>();
      told_.intermittent.push_back({row["device_id"].as<std::string>(), enum_of(row["presence"], parse_presence),
                                    row["site"].as<std::string>()});
    }
  }

  pqxx::work& transaction_;
  const ReadConnectivity& asked_;
  Connectivity told_;
  std::map<std::string, SiteAvailability> sites_;
  std::map<std::pair<std::string, Instant>, Availability> latest_;  // what site_hours does not have yet
};

}  // namespace

Result<DeviceTimeline> ReadTimeline::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      R"sql(
        select d.enrolled_at, d.revoked_at, coalesce(s.presence, $2) as presence, s.intermittent_until
        from devices d
        left join device_state s on s.device_id = d.id
        where d.id = $1
      )sql",
      device.value(), std::string(to_string(Presence::never_seen)));
  if (rows.empty()) return make_error(Errc::not_found, "there is no device '" + shortened(device.value()) + "'");
  DeviceTimeline told;
  const Instant end = std::min(now, optional_of<Instant>(rows[0]["revoked_at"]).value_or(now));
  told.range = common(range, {rows[0]["enrolled_at"].as<Instant>(), end});
  told.presence = enum_of(rows[0]["presence"], parse_presence);
  told.intermittent_until = optional_of<Instant>(rows[0]["intermittent_until"]);
  told.spans = timeline_of(kept_spans(transaction, device, told.range),
                           unwatched_until_now(transaction, told.range.from, longest_pause, now), told.range);
  told.availability = availability_of(told.spans);
  return told;
}

Connectivity ReadConnectivity::operator()(pqxx::work& transaction) const {
  return Reading(transaction, *this)();
}

}  // namespace argosy::server
