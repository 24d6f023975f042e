#include "server/rollouts/store/newcomer_store.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/db/statement.hpp"
#include "server/devices/filter.hpp"
#include "server/devices/filter_sql.hpp"
#include "server/devices/presence_sql.hpp"
#include "server/journal/journal_store.hpp"
#include "server/rollouts/core/newcomers.hpp"
#include "server/rollouts/core/rollout_effects.hpp"
#include "server/rollouts/core/state_sql.hpp"
#include "server/rollouts/store/decision_store.hpp"
#include "server/rollouts/store/device_rows_store.hpp"
#include "server/rollouts/store/join_store.hpp"
#include "server/rollouts/store/penalty_store.hpp"
#include "server/rollouts/store/reach_store.hpp"
#include "server/rollouts/store/rollout_rows_store.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

// Devices are looked up one by one in indexes, which `offset 0` has however the planner guesses: it knows little of
// tables that grew a moment ago, and would go through all rows for each device.
constexpr std::int64_t looked_at_once = 5000;      // of all devices, for one rollout that begins to stand
constexpr std::size_t forgotten_at_once = 20'000;  // that changed, while nothing stands
constexpr std::int64_t most_dismissed = 1000;
constexpr std::size_t most_named = 10;  // in a decision
constexpr const char* by_itself = "engine";

struct Standing {
  RolloutRecord record;
  Filter filter;
  std::optional<std::string> looked_up_to;  // none: at all devices
};

bool is_newer(const RolloutRecord& one, const RolloutRecord& other) {
  return std::tie(one.started_at, one.id) > std::tie(other.started_at, other.id);
}

bool is_idle(pqxx::work& transaction) {
  static const Statement nothing_to_do{"no_newcomers", R"sql(
    select not exists (select from rollout_newcomers)
      and not exists (select from rollouts where stands_since is not null and stands_looked_up_to is not null)
  )sql"};
  return exec_prepared(transaction, nothing_to_do)[0][0].as<bool>();
}

// In one order. What is withdrawn, or cannot be read, takes nobody in: its next tick ends it.
Result<std::vector<Standing>> lock_standing(pqxx::work& transaction) {
  const auto rows = transaction.exec(
      "select id, stands_looked_up_to from rollouts where stands_since is not null order by id for update");
  std::vector<Standing> list;
  for (const auto& row : rows) {
    ARGOSY_TRY(auto record, load_rollout(transaction, row["id"].as<std::int64_t>(), Lock::none));
    auto filter = parse_filter(record.filter);
    if (!filter || !record.fault.empty() || record.withdrawn) continue;
    list.push_back({std::move(record), std::move(*filter), optional_of<std::string>(row["stands_looked_up_to"])});
  }
  return list;
}

std::vector<std::string> join_parameters(std::vector<std::string> own, const SqlCondition& condition) {
  own.insert(own.end(), condition.parameters.begin(), condition.parameters.end());
  return own;
}

// Puts those of the next devices that match, and have no row that says all, on the list of those that changed.
void look_on(pqxx::work& transaction, const Standing& one) {
  const auto condition = to_sql(one.filter, 4);
  static const std::string says_all = R"sql(
    coalesce(q.finished_at, 'infinity') >= d.enrolled_at and not (q.state = )sql" +
                                      sql_word(DeviceStep::failed) + " and q.cause in (" +
                                      sql_causes(is_neutral_cause) + "))";
  const auto sql = R"sql(
    with next as materialized (
      select d.* from devices d where d.id > $1 order by d.id limit $2::bigint
    ), noted as (
      insert into rollout_newcomers (device_id)
      select d.id
      from next d
      left join lateral (select * from device_state where device_id = d.id offset 0) as s on true
      left join lateral (
        select * from rollout_devices where rollout_id = $3::bigint and device_id = d.id offset 0
      ) as q on true
      where d.revoked_at is null and (q.device_id is null or not ()sql" +
                   says_all + ")) and " + condition.text + R"sql(
      order by d.id
    )
    select max(id) as last, count(*) as devices from next
  )sql";
  const auto row = transaction.exec_params1(
      sql, pqxx::prepare::make_dynamic_params(join_parameters(
               {*one.looked_up_to, std::to_string(looked_at_once), std::to_string(one.record.id)}, condition)));
  const bool all = row["devices"].as<std::int64_t>() < looked_at_once;
  transaction.exec_params0("update rollouts set stands_looked_up_to = $2 where id = $1", one.record.id,
                           all ? std::nullopt : optional_of<std::string>(row["last"]));
}

std::vector<std::string> take_changed(pqxx::work& transaction, std::size_t limit) {
  const auto rows = transaction.exec_params(
      R"sql(
        delete from rollout_newcomers
        where id <= (select max(id) from (select id from rollout_newcomers order by id limit $1) as oldest)
        returning device_id
      )sql",
      static_cast<std::int64_t>(limit));
  std::set<std::string> devices;
  for (const auto& row : rows) devices.insert(row[0].as<std::string>());
  return {devices.begin(), devices.end()};
}

std::set<std::string> matching(pqxx::work& transaction, const Filter& filter, const std::vector<std::string>& devices) {
  const auto condition = to_sql(filter, 2);
  const auto rows = transaction.exec_params(
      R"sql(
        select d.id
        from unnest($1::text[]) as i(device)
        cross join lateral (select * from devices where id = i.device offset 0) as d
        left join lateral (select * from device_state where device_id = d.id offset 0) as s on true
        where d.revoked_at is null and )sql" +
          condition.text,
      pqxx::prepare::make_dynamic_params(join_parameters({pg_array(devices)}, condition)));
  std::set<std::string> ids;
  for (const auto& row : rows) ids.insert(row[0].as<std::string>());
  return ids;
}

// What the rollouts of one model are to one device.
struct Acquaintance {
  std::map<std::int64_t, RolloutClaim> claims;
  std::map<std::int64_t, Seat> seats;
  struct Outcome {
    std::int64_t rollout = 0;
    std::string cause;  // empty: it succeeded
    Instant at{};
  };
  std::map<std::int64_t, std::vector<Outcome>> outcomes;  // by release

  RolloutClaim& claim(std::int64_t rollout, Instant started_at) {
    auto& claim = claims[rollout];
    claim.rollout = rollout;
    claim.started_at = started_at;
    return claim;
  }
  // In other rollouts than this one, of the board that has the name now.
  std::optional<EarlierFailure> failure_with(std::int64_t release, std::int64_t rollout, Instant enrolled_at) const {
    const auto found = outcomes.find(release);
    if (found == outcomes.end()) return std::nullopt;
    const Outcome* newest = nullptr;
    for (const auto& one : found->second) {
      if (one.rollout == rollout || one.at < enrolled_at) continue;
      if (newest == nullptr || newest->at <= one.at) newest = &one;
    }
    if (newest == nullptr || newest->cause.empty()) return std::nullopt;
    return EarlierFailure{newest->rollout, newest->cause};
  }
};

struct Group {  // of one rollout
  std::vector<std::string> joins;
  std::vector<std::string> returns;
  std::map<std::string, EarlierFailure> left_out;
};

// Finds for each of some devices what stands for it, one model after the other.
class Seating {
 public:
  Seating(pqxx::work& transaction, const std::vector<std::string>& devices, const std::vector<Standing>& standing)
      : transaction_(transaction), devices_(devices), standing_(standing) {}

  std::map<std::int64_t, Group> groups() {
    std::set<std::string> models;
    for (const auto& one : standing_) models.insert(one.record.model);
    for (const auto& model : models) {
      known_.clear();
      claim_what_stands(model);
      claim_rows(model);
      claim_targets(model);
      claim_dynamic(model);
      seat(model);
    }
    return std::move(groups_);
  }

 private:
  void claim_what_stands(const std::string& model) {
    for (const auto& one : standing_) {
      if (one.record.model != model) continue;
      for (const auto& device : matching(transaction_, one.filter, devices_))
        known_[device].claim(one.record.id, one.record.started_at.value_or(one.record.created_at)).stands = true;
    }
  }

  void claim_rows(const std::string& model) {
    static const std::string sql =
        R"sql(
      select q.device_id, q.rollout_id, q.state, coalesce(q.cause, '') as cause, q.finished_at, r.release_id,
        r.started_at, q.state = )sql" +
        sql_word(DeviceStep::rolling_back) + " or (q.state = " + sql_word(DeviceStep::queued) +
        " and (r.state = " + sql_word(RolloutState::completed) + " or (r.state = " + sql_word(RolloutState::running) +
        R"sql( and q.wave <= r.wave))) as is_next
      from unnest($1::text[]) as i(device)
      cross join lateral (select * from rollout_devices where device_id = i.device offset 0) as q
      join rollouts r on r.id = q.rollout_id
      where r.model = $2 and r.started_at is not null
    )sql";
    for (const auto& row : transaction_.exec_params(sql, pg_array(devices_), model)) {
      auto& device = known_[row["device_id"].as<std::string>()];
      const auto rollout = row["rollout_id"].as<std::int64_t>();
      const Seat seat{enum_of(row["state"], parse_device_step), row["cause"].as<std::string>(),
                      optional_of<Instant>(row["finished_at"])};
      device.claim(rollout, row["started_at"].as<Instant>()).is_next = row["is_next"].as<bool>();
      device.seats[rollout] = seat;
      const bool failed = seat.step == DeviceStep::failed && keeps_out(seat.cause);
      if (!seat.finished_at || (!failed && seat.step != DeviceStep::succeeded)) continue;
      device.outcomes[row["release_id"].as<std::int64_t>()].push_back(
          {rollout, failed ? seat.cause : "", *seat.finished_at});
    }
  }

  void claim_targets(const std::string& model) {
    const auto rows = transaction_.exec_params(
        R"sql(
          select t.device_id, r.id, r.started_at, r.state, t.release_id = r.release_id as is_its_release
          from unnest($1::text[]) as i(device)
          cross join lateral (select * from device_targets where device_id = i.device and model = $2 offset 0) as t
          join rollouts r on r.id = t.rollout_id
          where r.started_at is not null
        )sql",
        pg_array(devices_), model);
    for (const auto& row : rows) {
      if (!is_wish(enum_of(row["state"], parse_rollout_state), row["is_its_release"].as<bool>())) continue;
      auto& device = known_[row["device_id"].as<std::string>()];
      device.claim(row["id"].as<std::int64_t>(), row["started_at"].as<Instant>()).has_told = true;
    }
  }

  // They take the device in at their next look, and tell it at once.
  void claim_dynamic(const std::string& model) {
    const auto rows = transaction_.exec_params(
        "select id from rollouts where model = $1 and policy ->> 'targets' = 'dynamic' and state = " +
            sql_word(RolloutState::running),
        model);
    for (const auto& row : rows) {
      const auto record = load_rollout(transaction_, row[0].as<std::int64_t>(), Lock::none);
      if (!record || record->withdrawn || record->wave + 1 < static_cast<int>(record->waves.size())) continue;
      const auto filter = parse_filter(record->filter);
      if (!filter) continue;
      for (const auto& id : matching(transaction_, *filter, devices_)) {
        auto& device = known_[id];
        if (device.seats.count(record->id) == 0)
          device.claim(record->id, record->started_at.value_or(record->created_at)).is_next = true;
      }
    }
  }

  void seat(const std::string& model) {
    const auto rows = transaction_.exec_params(
        R"sql(
          select d.id, d.enrolled_at
          from unnest($1::text[]) as i(device)
          cross join lateral (select * from devices where id = i.device and revoked_at is null offset 0) as d
        )sql",
        pg_array(devices_));
    for (const auto& row : rows) {
      const auto found = known_.find(row["id"].as<std::string>());
      if (found != known_.end()) seat_one(model, found->first, found->second, row["enrolled_at"].as<Instant>());
    }
  }

  void seat_one(const std::string& model, const std::string& device, const Acquaintance& known, Instant enrolled_at) {
    std::vector<RolloutClaim> claims;
    for (const auto& [rollout, claim] : known.claims) claims.push_back(claim);
    const auto chosen = standing_for(claims);
    if (!chosen) return;
    const auto one = std::find_if(standing_.begin(), standing_.end(),
                                  [&](const auto& s) { return s.record.id == *chosen && s.record.model == model; });
    const auto seat = known.seats.find(*chosen);
    const auto failure = known.failure_with(one->record.release_id, *chosen, enrolled_at);
    auto& group = groups_[*chosen];
    switch (entry_of(seat == known.seats.end() ? std::nullopt : std::optional(seat->second), enrolled_at, failure)) {
      case Entry::stays:
        return;
      case Entry::joins:
        group.joins.push_back(device);
        return;
      case Entry::returns:
        group.returns.push_back(device);
        return;
      case Entry::left_out:
        group.left_out.emplace(device, *failure);
        return;
    }
  }

  pqxx::work& transaction_;
  const std::vector<std::string>& devices_;
  const std::vector<Standing>& standing_;
  std::map<std::string, Acquaintance> known_;
  std::map<std::int64_t, Group> groups_;
};

void add_rows(pqxx::work& transaction, const RolloutRecord& record, const std::vector<std::string>& devices,
              Instant now) {
  static const std::string sql = R"sql(
    insert into rollout_devices (rollout_id, device_id, wave, joined_at, reachable_since)
    select $1, i.device, $2, $3::timestamptz, case when )sql" +
                                 reachable_sql("s") + R"sql( then s.presence_since end
    from unnest($4::text[]) as i(device)
    left join lateral (select * from device_state where device_id = i.device offset 0) as s on true
    order by i.device
  )sql";
  transaction.exec_params0(sql, record.id, record.wave, now, pg_array(devices));
  count_joined(transaction, record, record.wave, std::string(to_string(DeviceStep::queued)),
               static_cast<std::int64_t>(devices.size()), now);
  look_at_reach_again(transaction, devices);
}

void add_returning(pqxx::work& transaction, const RolloutRecord& record, const std::vector<std::string>& devices,
                   Instant now) {
  static const std::string sql = "select " + rollout_device_columns + R"sql(
    from rollout_devices q
    where q.rollout_id = $1 and q.device_id in (select unnest($2::text[]))
    order by q.device_id
    for update
  )sql";
  const auto rows = rollout_devices_of(transaction.exec_params(sql, record.id, pg_array(devices)));
  begin_next_attempt(transaction, record.id, effects_of_return(rows).moves);
  transaction.exec_params0(
      R"sql(
        update rollout_devices
        set joined_at = $3::timestamptz
        where rollout_id = $1 and device_id in (select unnest($2::text[]))
      )sql",
      record.id, pg_array(devices), now);
}

void add_left_out(pqxx::work& transaction, const RolloutRecord& record,
                  const std::map<std::string, EarlierFailure>& devices, Instant now) {
  Json rows = Json::array();
  std::vector<NewEvent> events;
  for (const auto& [device, failure] : devices) {
    const auto why = left_out_text(record.model, record.version, failure);
    rows.push_back({{"device", device}, {"message", why}});
    events.push_back({.kind = "rollout.device",
                      .severity = "warning",
                      .device_id = device,
                      .rollout_id = record.id,
                      .model = record.model,
                      .message = device + " is left out: " + why,
                      .details_json = Json{{"cause", cause_left_out}, {"rollout", failure.rollout}}.dump()});
  }
  transaction.exec_params0(
      R"sql(
        insert into rollout_devices (rollout_id, device_id, wave, joined_at, state, cause, message, finished_at)
        select $1, i.device, $2, $3::timestamptz, $5, $6, i.message, $3::timestamptz
        from jsonb_to_recordset($4::jsonb) as i(device text, message text)
        order by i.device
      )sql",
      record.id, record.wave, now, rows.dump(), std::string(to_string(DeviceStep::failed)),
      std::string(cause_left_out));
  count_joined(transaction, record, record.wave, std::string(cause_left_out), static_cast<std::int64_t>(devices.size()),
               now);
  append_events(transaction, events);
}

Decision decision_of(const RolloutRecord& record, const Group& group) {
  const auto joined = group.joins.size() + group.returns.size();
  std::vector<std::string> names = group.joins;
  names.insert(names.end(), group.returns.begin(), group.returns.end());
  for (const auto& [device, failure] : group.left_out) names.push_back(device);
  if (names.size() > most_named) names.resize(most_named);
  return {"standing",
          "join",
          newcomers_text(joined, group.left_out.size(), record.wave),
          {{"joined", joined},
           {"of_these_again", group.returns.size()},
           {"left_out", group.left_out.size()},
           {"first_devices", names}}};
}

void take_in(pqxx::work& transaction, const RolloutRecord& record, const Group& group, Instant now) {
  const auto joined = group.joins.size() + group.returns.size();
  if (joined + group.left_out.size() == 0) return;
  if (!group.joins.empty()) add_rows(transaction, record, group.joins, now);
  if (!group.returns.empty()) add_returning(transaction, record, group.returns, now);
  if (!group.left_out.empty()) add_left_out(transaction, record, group.left_out, now);
  transaction.exec_params0("update rollouts set newcomers = newcomers + $2 where id = $1", record.id,
                           static_cast<std::int64_t>(joined));
  log_decision(transaction, record, by_itself, decision_of(record, group), now);
}

// Others of the model that stand, locked.
Result<std::vector<RolloutRecord>> lock_others(pqxx::work& transaction, const RolloutRecord& record) {
  const auto rows = transaction.exec_params(
      "select id from rollouts where stands_since is not null and model = $2 and id <> $1 order by id for update",
      record.id, record.model);
  std::vector<RolloutRecord> others;
  for (const auto& row : rows) {
    ARGOSY_TRY(auto other, load_rollout(transaction, row[0].as<std::int64_t>(), Lock::none));
    others.push_back(std::move(other));
  }
  return others;
}

bool stands_for_all_of(const RolloutRecord& wide, const RolloutRecord& narrow) {
  const auto all = parse_filter(wide.filter);
  const auto some = parse_filter(narrow.filter);
  return all && some && covers(*all, *some);
}

}  // namespace

Result<NewcomersTaken> TakeNewcomers::operator()(pqxx::work& transaction) const {
  if (is_idle(transaction)) return NewcomersTaken{};
  ARGOSY_TRY(const auto standing, lock_standing(transaction));
  if (standing.empty()) return NewcomersTaken{false, take_changed(transaction, forgotten_at_once).size() > limit};
  const bool looks_on =
      std::any_of(standing.begin(), standing.end(), [](const auto& one) { return one.looked_up_to.has_value(); });
  for (const auto& one : standing)
    if (one.looked_up_to) look_on(transaction, one);
  const auto devices = take_changed(transaction, limit);
  const auto groups = Seating(transaction, devices, standing).groups();
  for (const auto& one : standing) {
    const auto found = groups.find(one.record.id);
    if (found != groups.end()) take_in(transaction, one.record, found->second, now);
  }
  return NewcomersTaken{true, looks_on || devices.size() == limit};
}

Result<std::optional<std::string>> find_newer_standing(pqxx::work& transaction, const RolloutRecord& record) {
  ARGOSY_TRY(const auto others, lock_others(transaction, record));
  for (const auto& other : others)
    if (is_newer(other, record) && stands_for_all_of(other, record)) return std::optional(stands_already_text(other));
  return std::optional<std::string>();
}

std::vector<RolloutRecord> load_others_that_stand(pqxx::work& transaction, const RolloutRecord& record) {
  const auto rows = transaction.exec_params(
      "select id from rollouts where stands_since is not null and model = $2 and id <> $1 order by id desc limit 20",
      record.id, record.model);
  std::vector<RolloutRecord> others;
  for (const auto& row : rows)
    if (auto other = load_rollout(transaction, row[0].as<std::int64_t>(), Lock::none))
      others.push_back(std::move(*other));
  return others;
}

Result<void> begin_to_stand(pqxx::work& transaction, const RolloutRecord& record, Instant now) {
  ARGOSY_TRY(const auto newer, find_newer_standing(transaction, record));
  if (newer) {
    stand_down_by_itself(transaction, record, {"standing", "unassign", *newer, Json::object()}, now);
    return {};
  }
  transaction.exec_params0(
      R"sql(
        update rollouts
        set stands_since = $2::timestamptz, stands_looked_up_to = '', newcomers_judged_up_to = $2::timestamptz
        where id = $1
      )sql",
      record.id, now);
  ARGOSY_TRY(const auto others, lock_others(transaction, record));
  for (const auto& other : others) {
    if (is_newer(other, record) || !stands_for_all_of(record, other)) continue;
    stand_down_by_itself(transaction, other,
                         {"standing", "unassign", takes_over_text(record), {{"rollout", record.id}}}, now);
  }
  return {};
}

void stand_down(pqxx::work& transaction, const RolloutRecord& record, const std::string& actor,
                const Decision& decision, Instant now) {
  transaction.exec_params0(
      R"sql(
        update rollouts
        set standing = false, stands_since = null, stands_looked_up_to = null, version = version + 1
        where id = $1
      )sql",
      record.id);
  log_decision(transaction, record, actor, decision, now, actor == by_itself ? "warning" : "info");
}

void stand_down_by_itself(pqxx::work& transaction, const RolloutRecord& record, const Decision& decision, Instant now) {
  stand_down(transaction, record, by_itself, decision, now);
  append_audit(transaction, by_itself, "rollout.unassign", "rollout/" + std::to_string(record.id),
               Json{{"rule", decision.rule}, {"message", decision.message}}.dump());
}

void look_for_newcomers_again(pqxx::work& transaction, const std::string& model) {
  transaction.exec_params0(
      R"sql(
        update rollouts
        set stands_looked_up_to = ''
        where id in (select id from rollouts where stands_since is not null and model = $1 order by id for update)
      )sql",
      model);
}

NewcomersSeen load_newcomers(pqxx::work& transaction, const RolloutRecord& record) {
  NewcomersSeen seen;
  if (!record.stands_since) return seen;
  static const Statement latest{"latest_newcomers", R"sql(
    select state, coalesce(cause, '') as cause, finished_at
    from rollout_devices
    where rollout_id = $1 and joined_at is not null and finished_at > $2::timestamptz
      and (cause is null or cause not in ()sql" + sql_causes(is_neutral_cause) +
                                                        R"sql())
    order by finished_at desc
    limit $3
  )sql"};
  for (const auto& row : exec_prepared(transaction, latest, record.id, *record.stands_since, newcomers_judged)) {
    ++seen.latest[count_key(enum_of(row["state"], parse_device_step), row["cause"].as<std::string>())];
    if (!seen.up_to) seen.up_to = row["finished_at"].as<Instant>();
  }
  return seen;
}

void keep_judged(pqxx::work& transaction, const RolloutRecord& record) {
  const auto seen = load_newcomers(transaction, record);
  if (!seen.up_to) return;
  transaction.exec_params0(
      R"sql(
        update rollouts
        set newcomers_judged_up_to = $2::timestamptz
        where id = $1 and newcomers_judged_up_to < $2::timestamptz
      )sql",
      record.id, *seen.up_to);
}

bool has_untold_newcomers(pqxx::work& transaction, const RolloutRecord& record) {
  static const std::string sql = R"sql(
    select exists (
      select from rollout_devices where rollout_id = $1 and joined_at is not null and state = )sql" +
                                 sql_word(DeviceStep::queued) + ")";
  return transaction.exec_params1(sql, record.id)[0].as<bool>();
}

void dismiss_newcomers(pqxx::work& transaction, const RolloutRecord& record, Instant now) {
  static const std::string sql = "select " + rollout_device_columns + R"sql(
    from rollout_devices q
    where q.rollout_id = $1 and q.joined_at is not null and q.state = )sql" +
                                 sql_word(DeviceStep::queued) + R"sql(
    order by q.device_id
    limit $2
    for update
  )sql";
  const auto rows = rollout_devices_of(transaction.exec_params(sql, record.id, most_dismissed));
  move_devices(transaction, record.id, effects_of_dismissal(rows, now).moves);
}

}  // namespace argosy::server
