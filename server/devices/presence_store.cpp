// How it stays right without locking what it reads: a verdict is written only where last_seen_at, and what the cursors
// of the device's telemetry say of when it was heard, are still what it was decided on; and check_at is moved only
// where it is still what was read. A sign of life of a device that is not online sets check_at (the trigger
// device_state_heard), in the transaction that writes it down. While it is online its telemetry moves nothing but a
// cursor; that ends with the verdict that it is not (the trigger absent_device_is_silent), whose cursors are locked.
#include "server/devices/presence_store.hpp"

#include <set>

#include "common/json/json_text.hpp"
#include "server/db/rows.hpp"
#include "server/devices/device_rows.hpp"
#include "server/devices/presence_spans_store.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

using Json = nlohmann::json;

NewEvent presence_event(const std::string& device, Presence before, const PresenceVerdict& verdict) {
  const Json details = {{"from", to_string(before)},
                        {"to", to_string(verdict.presence)},
                        {"cause", to_string(verdict.cause)},
                        {"reason", verdict.reason}};
  return {.kind = "device.presence",
          .severity = verdict.presence == Presence::offline ? "warning" : "info",
          .device_id = device,
          .rollout_id = std::nullopt,
          .model = std::nullopt,
          .message = device + " is " + std::string(to_string(verdict.presence)) + ": " + verdict.reason,
          .details_json = details.dump()};
}

NewEvent intermittent_event(const std::string& device, const IntermittentRule& rule) {
  return {.kind = "device.intermittent",
          .severity = "warning",
          .device_id = device,
          .rollout_id = std::nullopt,
          .model = std::nullopt,
          .message = device + " is intermittent: it went or came back " + std::to_string(rule.swings) +
                     " times within an hour"};
}

std::vector<Instant> instants_of(const pqxx::field& field) {
  std::vector<Instant> instants;
  for (const Json& text : json_or_null(field.as<std::string>()))
    instants.push_back(parse_rfc3339(text.get<std::string>()).value());
  return instants;
}

struct Due {
  std::string device;
  PresenceEvidence evidence;
  PresenceVerdict verdict;
  std::vector<Instant> swings;                // with the one that the verdict is, if it is one
  std::optional<Instant> intermittent_until;  // by them
  bool was_intermittent = false;
  bool is_revoked = false;
  std::string check_at;                  // as read, to the microsecond
  std::optional<std::string> last_seen;  // likewise, by whatever but telemetry
  std::optional<std::string> told_at;    // likewise, by telemetry
};

// One call of JudgeDue.
struct Judgement {
  const PresenceSlice& slice;

  PresenceJudged operator()(pqxx::work& transaction) const {
    std::vector<Due> all;
    PresenceJudged judged;
    for (const pqxx::row& row : select_due(transaction)) {
      if (all.empty()) judged.oldest = row["check_at"].as<Instant>();
      all.push_back(judge(row));
    }
    judged.due = all.size();
    if (all.empty()) return judged;
    const std::set<std::string> written = write_verdicts(transaction, all);
    judged.changed = written.size();
    judged.settled = move_checks(transaction, all, written);
    CountDevices{slice.counting, slice.counted}(transaction);
    return judged;
  }

 private:
  pqxx::result select_due(pqxx::work& transaction) const {
    return transaction.exec_params(
        R"sql(
          select c.device_id, s.presence, s.presence_since, s.last_seen_at, t.told_at,
            greatest(s.last_seen_at, case when t.told_at < $1::timestamptz + interval '30 s' then t.told_at end)
              as heard_at, s.interval_s, s.session_nonce,
            d.revoked_at is not null as is_revoked, c.check_at, c.will_at, coalesce(c.will_nonce, 0) as will_nonce,
            c.said_goodbye, s.swings, s.intermittent_until is not null as was_intermittent
          from (
            select * from presence_checks where check_at <= $1::timestamptz order by check_at, device_id limit $2
          ) c
          join device_state s on s.device_id = c.device_id
          join devices d on d.id = c.device_id
          cross join lateral (
            select max(received_at) as told_at from telemetry_cursors where device_id = c.device_id
          ) t
          order by c.check_at, c.device_id
        )sql",
        slice.now, static_cast<std::int64_t>(slice.limit));
  }

  Due judge(const pqxx::row& row) const {
    Due due;
    due.device = row["device_id"].as<std::string>();
    due.is_revoked = row["is_revoked"].as<bool>();
    due.check_at = row["check_at"].as<std::string>();
    due.last_seen = optional_of<std::string>(row["last_seen_at"]);
    due.told_at = optional_of<std::string>(row["told_at"]);
    due.evidence.presence = enum_of(row["presence"], parse_presence);
    due.evidence.since = optional_of<Instant>(row["presence_since"]).value_or(Instant{});
    due.evidence.last_seen = optional_of<Instant>(row["heard_at"]);
    const double interval_ms = row["interval_s"].as<double>() * 1000 * slice.time_scale;
    due.evidence.interval = Duration{static_cast<Duration::rep>(interval_ms)};
    due.evidence.watching_since = slice.watching_since;
    const bool is_of_this_session = row["will_nonce"].as<std::int64_t>() >= row["session_nonce"].as<std::int64_t>();
    if (is_of_this_session) due.evidence.will_at = optional_of<Instant>(row["will_at"]);
    due.evidence.said_goodbye = row["said_goodbye"].as<bool>();
    due.verdict = judge_presence(due.evidence, slice.rule, slice.now);
    due.was_intermittent = row["was_intermittent"].as<bool>();
    due.swings = instants_of(row["swings"]);
    if (is_swing(due.evidence.presence, due.verdict.presence))
      due.swings = with_swing(std::move(due.swings), slice.now, slice.intermittent);
    due.intermittent_until = intermittent_until(due.swings, slice.now, slice.intermittent);
    return due;
  }

  static bool is_changed(const Due& due) { return !due.is_revoked && due.verdict.presence != due.evidence.presence; }

  static Json swings_json(const Due& due) {
    Json times = Json::array();
    for (const Instant at : due.swings) times.push_back(to_rfc3339(at));
    return times;
  }

  // Answers whose verdict was written, with an event for each.
  std::set<std::string> write_verdicts(pqxx::work& transaction, const std::vector<Due>& all) const {
    Json rows = Json::array();
    for (const Due& due : all) {
      if (is_changed(due))
        rows.push_back({{"device", due.device},
                        {"presence", to_string(due.verdict.presence)},
                        {"cause", to_string(due.verdict.cause)},
                        {"reason", due.verdict.reason},
                        {"swings", swings_json(due)},
                        {"intermittent", json_of(due.intermittent_until)},
                        {"seen", json_of(due.last_seen)},
                        {"told", json_of(due.told_at)}});
    }
    std::set<std::string> written;
    if (rows.empty()) return written;
    const pqxx::result changed = transaction.exec_params(
        R"sql(
          with i as (
            select *
            from jsonb_to_recordset($1::jsonb) as r(device text, presence text, cause text, reason text, swings jsonb,
              intermittent timestamptz, seen timestamptz, told timestamptz)
          ),
          locked as (
            select c.device_id, c.received_at
            from telemetry_cursors c
            join i on i.device = c.device_id
            order by c.device_id, c.epoch
            for update of c skip locked
          ),
          held as (
            select device_id, count(*) as cursors, max(received_at) as told_at from locked group by device_id
          ),
          free as (
            select s.device_id
            from device_state s
            join i on i.device = s.device_id
            left join held h on h.device_id = s.device_id
            where s.last_seen_at is not distinct from i.seen and h.told_at is not distinct from i.told
              and coalesce(h.cursors, 0) = (select count(*) from telemetry_cursors c where c.device_id = s.device_id)
            for update of s skip locked
          )
          update device_state s
          set presence = i.presence, presence_cause = i.cause, presence_reason = i.reason,
            presence_since = $2::timestamptz, swings = i.swings, intermittent_until = i.intermittent
          from i
          join free on free.device_id = i.device
          where s.device_id = i.device
          returning s.device_id
        )sql",
        rows.dump(), slice.now);
    for (const pqxx::row& row : changed) written.insert(row[0].as<std::string>());
    std::vector<NewEvent> events;
    std::vector<NewPresence> changes;
    for (const Due& due : all) {
      if (!written.contains(due.device)) continue;
      changes.push_back({due.device, due.verdict.presence, due.verdict.cause, due.verdict.reason});
      events.push_back(presence_event(due.device, due.evidence.presence, due.verdict));
      if (due.intermittent_until && !due.was_intermittent)
        events.push_back(intermittent_event(due.device, slice.intermittent));
    }
    keep_spans(transaction, changes, slice.now);
    append_events(transaction, events);
    return written;
  }

  // Answers how many are not due any more.
  std::size_t move_checks(pqxx::work& transaction, const std::vector<Due>& all,
                          const std::set<std::string>& written) const {
    Json rows = Json::array();
    for (const Due& due : all) {
      if (is_changed(due) && !written.contains(due.device)) continue;  // it was heard meanwhile, or is being written
      const auto next =
          due.is_revoked ? std::nullopt : next_presence_check(due.evidence, due.verdict, slice.rule, slice.now);
      rows.push_back({{"device", due.device}, {"was", due.check_at}, {"at", next ? Json(to_rfc3339(*next)) : Json()}});
    }
    return transaction
        .exec_params1(
            R"sql(
              with i as (
                select *
                from jsonb_to_recordset($1::jsonb) as r(device text, was timestamptz, at timestamptz)
              ),
              free as (
                select c.device_id, i.at
                from presence_checks c
                join i on i.device = c.device_id and i.was = c.check_at
                for update of c skip locked
              ),
              moved as (
                update presence_checks c
                set check_at = f.at
                from free f
                where c.device_id = f.device_id and f.at is not null
                returning 1
              ),
              gone as (
                delete from presence_checks c
                using free f
                where c.device_id = f.device_id and f.at is null
                returning 1
              )
              select (select count(*) from moved) + (select count(*) from gone)
            )sql",
            rows.dump())[0]
        .as<std::size_t>();
  }
};

// What is still to come by this clock did happen: it counts as of now, and everybody is judged once more. Goes through
// the fleet, for once. When telemetry came by the clock that was is not asked for: silence counts from now on.
void follow_clock_back(pqxx::work& transaction, Instant now) {
  constexpr const char* devices = R"sql(
    update device_state
    set presence_since = least(presence_since, $1::timestamptz),
      last_seen_at = least(last_seen_at,
        $1::timestamptz - case when last_seen_at < presence_since then interval '1 ms' else interval '0' end)
    where last_seen_at > $1::timestamptz or presence_since > $1::timestamptz
  )sql";
  constexpr const char* checks = R"sql(
    update presence_checks
    set check_at = $1::timestamptz, will_at = case when will_at <= $1::timestamptz then will_at end
    where check_at > $1::timestamptz
  )sql";
  constexpr const char* counts =
      "update sites set counted_until = $1::timestamptz where counted_until > $1::timestamptz";
  constexpr const char* unwatched = "delete from unwatched_times where to_at > $1::timestamptz";
  constexpr const char* watched = "update presence_watch set watched_until = $1::timestamptz";
  for (const char* sql : {devices, checks, counts, unwatched, watched}) transaction.exec_params0(sql, now);
}

}  // namespace

PresenceJudged JudgeDue::operator()(pqxx::work& transaction) const {
  return Judgement{slice}(transaction);
}

PresenceWatch KeepWatch::operator()(pqxx::work& transaction) const {
  const auto row = transaction.exec1("select watched_until, site_label from presence_watch where only_row for update");
  const auto until = optional_of<Instant>(row["watched_until"]);
  if (row["site_label"].as<std::string>() != site_label) {
    transaction.exec0("insert into uncounted_devices (device_id) select id from devices order by id");
    transaction.exec_params0("update presence_watch set site_label = $1", site_label);
  }
  const bool was_set_back = until && *until - now > longest_pause;
  if (was_set_back) follow_clock_back(transaction, now);
  if (!is_watching) return {watching_since, std::min(until.value_or(now), now)};
  const bool stood_still = until && now - *until > longest_pause;
  if (stood_still) note_unwatched(transaction, {*until, now});
  const Instant since = stood_still || was_set_back ? now : watching_since;
  transaction.exec_params0(
      "update presence_watch set watched_until = $1::timestamptz, watching_since = $2::timestamptz", now, since);
  return {since, now};
}

void EndIntermittent::operator()(pqxx::work& transaction) const {
  transaction.exec_params0(
      R"sql(
        update device_state
        set intermittent_until = null
        where device_id in (
          select device_id
          from device_state
          where intermittent_until <= $1::timestamptz
          order by intermittent_until
          limit $2
          for update skip locked
        )
      )sql",
      now, static_cast<std::int64_t>(limit));
}

void SuspectDevices::operator()(pqxx::work& transaction) const {
  Json rows = Json::array();
  for (const Suspicion& suspicion : suspicions)
    rows.push_back({{"device", suspicion.device},
                    {"nonce", suspicion.nonce},
                    {"at", to_rfc3339(suspicion.at)},
                    {"goodbye", suspicion.said_goodbye}});
  transaction.exec_params0(
      R"sql(
        with i as (select * from jsonb_to_recordset($1::jsonb) as r(device text, nonce bigint, at timestamptz,
          goodbye boolean)),
        free as (
          select c.device_id, i.nonce, i.at, i.goodbye
          from presence_checks c
          join i on i.device = c.device_id
          join device_state s on s.device_id = c.device_id and s.session_nonce <= i.nonce
          for update of c skip locked
        )
        update presence_checks c
        set will_at = f.at, will_nonce = f.nonce, said_goodbye = f.goodbye, check_at = least(c.check_at, f.at)
        from free f
        where c.device_id = f.device_id and coalesce(c.will_nonce, f.nonce) <= f.nonce
      )sql",
      rows.dump());
}

}  // namespace argosy::server
