#include "server/labels/label_store.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/db/statement.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr std::int64_t most_counted = 10'000;
// The device has been told: it has until then to come.
constexpr Duration told_again{600'000};

const std::string select_device = R"sql(
  select d.id, d.revoked_at is not null as revoked, coalesce((s.report->>'takes_labels')::boolean, false) as takes_labels,
    coalesce(s.agent_version, '') as agent_version, s.presence, coalesce(q.waiting, 0) as waiting
  from devices d
  join device_state s on s.device_id = d.id
  left join label_queues q on q.device_id = d.id
)sql";

LabelledDevice device_of(const pqxx::row& row) {
  LabelledDevice device;
  device.revoked = row["revoked"].as<bool>();
  device.takes_labels = row["takes_labels"].as<bool>();
  device.agent_version = row["agent_version"].as<std::string>();
  device.presence = enum_of(row["presence"], parse_presence);
  device.waiting = row["waiting"].as<std::int64_t>();
  return device;
}

// In one order, so that two requests wait for each other instead of deadlocking.
void lock_queues(pqxx::work& transaction, const std::set<std::string>& devices) {
  const std::string names = pg_array(devices);
  transaction.exec_params0(
      R"sql(
        insert into label_queues (device_id)
        select id
        from devices
        where id in (select unnest($1::text[])) and revoked_at is null
        order by id
        on conflict do nothing
      )sql",
      names);
  transaction.exec_params(
      R"sql(
        select device_id
        from label_queues
        where device_id in (select unnest($1::text[]))
        order by device_id
        for update
      )sql",
      names);
}

json keys_of(const std::vector<GivenLabel>& labels) {
  json keys = json::array();
  for (const GivenLabel& label : labels)
    keys.push_back({{"device", label.device}, {"model", label.model}, {"observation", label.observation}});
  return keys;
}

LabelDesk load_desk(pqxx::work& transaction, const std::vector<GivenLabel>& labels) {
  LabelDesk desk;
  std::set<std::string> devices, models;
  for (const GivenLabel& label : labels) {
    devices.insert(label.device);
    models.insert(label.model);
  }
  lock_queues(transaction, devices);
  for (const auto& row :
       transaction.exec_params(select_device + " where d.id in (select unnest($1::text[]))", pg_array(devices)))
    desk.devices.emplace(row["id"].as<std::string>(), device_of(row));
  for (const auto& row :
       transaction.exec_params("select name from models where name in (select unnest($1::text[]))", pg_array(models)))
    desk.models.insert(row[0].as<std::string>());
  const auto told = transaction.exec_params(
      R"sql(
        select l.device_id, l.model, l.observation, l.label, l.state
        from jsonb_to_recordset($1::jsonb) as k(device text, model text, observation bigint)
        join observation_labels l on l.device_id = k.device and l.model = k.model and l.observation = k.observation
      )sql",
      keys_of(labels).dump());
  for (const auto& row : told) {
    LabelDesk::Key key{row["device_id"].as<std::string>(), row["model"].as<std::string>(),
                       row["observation"].as<std::uint64_t>()};
    desk.told.emplace(std::move(key),
                      LabelDesk::Told{row["label"].as<std::int32_t>(), enum_of(row["state"], parse_label_state)});
  }
  desk.kept =
      transaction.exec1("select coalesce(max(seq) - min(seq) + 1, 0) from observation_labels")[0].as<std::int64_t>();
  return desk;
}

void insert_labels(pqxx::work& transaction, const std::vector<const GivenLabel*>& accepted, const std::string& actor,
                   Instant now) {
  json rows = json::array();
  std::map<std::string, std::int64_t> by_device;
  for (const GivenLabel* label : accepted) {
    rows.push_back({{"place", rows.size()},
                    {"device", label->device},
                    {"model", label->model},
                    {"observation", label->observation},
                    {"label", label->label},
                    {"predicted_at", json_of(label->predicted_at)},
                    {"source", label->source}});
    ++by_device[label->device];
  }
  transaction.exec_params0(
      R"sql(
        insert into observation_labels (device_id, model, observation, label, predicted_at, source, told_by, told_at)
        select device, model, observation, label, predicted_at, source, $2, $3::timestamptz
        from jsonb_to_recordset($1::jsonb) as l(place int, device text, model text, observation bigint, label int,
          predicted_at timestamptz, source text)
        order by place
      )sql",
      rows.dump(), actor, now);
  json counts = json::array();
  for (const auto& [device, count] : by_device) counts.push_back({{"device", device}, {"labels", count}});
  transaction.exec_params0(
      R"sql(
        update label_queues q
        set waiting = q.waiting + c.labels, tell_at = $2::timestamptz, told = 0
        from jsonb_to_recordset($1::jsonb) as c(device text, labels bigint)
        where q.device_id = c.device
      )sql",
      counts.dump(), now);
}

void note_for_audit(pqxx::work& transaction, const std::string& actor, const LabelSums& sums, Instant now) {
  transaction.exec_params0(
      R"sql(
        insert into label_additions as a (actor, hour, accepted, repeated, refused)
        values ($1, date_trunc('hour', $2::timestamptz), $3, $4, $5)
        on conflict (actor, hour) do update set accepted = a.accepted + excluded.accepted,
          repeated = a.repeated + excluded.repeated, refused = a.refused + excluded.refused
      )sql",
      actor, now, sums.accepted, sums.repeated, sums.refused);
}

struct SettledLabel {
  std::string device;
  std::string model;
  std::string state;
};

std::vector<SettledLabel> settled_of(const pqxx::result& rows) {
  std::vector<SettledLabel> settled;
  settled.reserve(static_cast<std::size_t>(rows.size()));
  for (const auto& row : rows)
    settled.push_back(
        {row["device_id"].as<std::string>(), row["model"].as<std::string>(), row["state"].as<std::string>()});
  return settled;
}

// They wait no longer, and count as what became of them.
void count_settled(pqxx::work& transaction, const std::vector<SettledLabel>& settled, Instant now) {
  std::map<std::tuple<std::string, std::string, std::string>, std::int64_t> counts;
  std::map<std::string, std::int64_t> by_device;
  for (const SettledLabel& label : settled) {
    ++counts[{label.device, label.model, label.state}];
    ++by_device[label.device];
  }
  json rows = json::array();
  for (const auto& [key, labels] : counts)
    rows.push_back(
        {{"device", std::get<0>(key)}, {"model", std::get<1>(key)}, {"state", std::get<2>(key)}, {"labels", labels}});
  transaction.exec_params0(
      R"sql(
        insert into label_counts as c (device_id, model, state, labels, newest_at)
        select device, model, state, labels, $2::timestamptz
        from jsonb_to_recordset($1::jsonb) as n(device text, model text, state text, labels bigint)
        order by device, model, state
        on conflict (device_id, model, state) do update set labels = c.labels + excluded.labels,
          newest_at = excluded.newest_at
      )sql",
      rows.dump(), now);
  json queues = json::array();
  for (const auto& [device, labels] : by_device) queues.push_back({{"device", device}, {"labels", labels}});
  transaction.exec_params0(
      R"sql(
        update label_queues q
        set waiting = greatest(q.waiting - n.labels, 0), told = 0,
          tell_at = case when q.waiting > n.labels then q.tell_at end
        from jsonb_to_recordset($1::jsonb) as n(device text, labels bigint)
        where q.device_id = n.device
      )sql",
      queues.dump());
}

std::size_t settle_answers(pqxx::work& transaction, const std::string& device, const wire::LabelAnswers& answers,
                           Instant now) {
  if (answers.answers.empty()) return 0;
  json rows = json::array();
  for (const auto& [seq, outcome] : answers.answers)
    rows.push_back({{"seq", seq}, {"state", to_string(state_of(outcome))}});
  const auto settled = settled_of(transaction.exec_params(
      R"sql(
        update observation_labels l
        set state = a.state, settled_at = $3::timestamptz
        from jsonb_to_recordset($2::jsonb) as a(seq bigint, state text)
        where l.seq = a.seq and l.device_id = $1 and l.state = 'waiting'
        returning l.device_id, l.model, l.state
      )sql",
      device, rows.dump(), now));
  if (!settled.empty()) count_settled(transaction, settled, now);
  return settled.size();
}

wire::HandedLabels hand_out(pqxx::work& transaction, const std::string& device, const wire::LabelAnswers& asked) {
  wire::HandedLabels handed;
  if (asked.most == 0) return handed;
  static const Statement next_labels{"next_labels", R"sql(
    select seq, model, observation, label, predicted_at
    from observation_labels
    where device_id = $1 and state = 'waiting' and seq > $2
    order by seq
    limit $3
  )sql"};
  const auto rows = exec_prepared(transaction, next_labels, device, asked.after, asked.most + 1);
  for (const auto& row : rows) {
    handed.more = handed.labels.size() == asked.most;
    if (handed.more) break;
    wire::HandedLabel& label = handed.labels.emplace_back();
    label.seq = row["seq"].as<std::uint64_t>();
    label.model = row["model"].as<std::string>();
    label.id = row["observation"].as<std::uint64_t>();
    label.label = row["label"].as<std::int64_t>();
    label.predicted_at = optional_of<Instant>(row["predicted_at"]);
  }
  return handed;
}

std::size_t end_labels(pqxx::work& transaction, const pqxx::result& rows, Instant now) {
  const auto settled = settled_of(rows);
  if (!settled.empty()) count_settled(transaction, settled, now);
  return settled.size();
}

Result<LabelledDevice> load_device(pqxx::work& transaction, const std::string& device) {
  const auto rows = transaction.exec_params(select_device + " where d.id = $1", device);
  if (rows.empty()) return make_error(Errc::not_found, "there is no device \"" + device + "\"");
  return device_of(rows[0]);
}

ToldLabel label_of(const pqxx::row& row) {
  ToldLabel label;
  label.seq = row["seq"].as<std::int64_t>();
  label.given.device = row["device_id"].as<std::string>();
  label.given.model = row["model"].as<std::string>();
  label.given.observation = row["observation"].as<std::uint64_t>();
  label.given.label = row["label"].as<std::int32_t>();
  label.given.predicted_at = optional_of<Instant>(row["predicted_at"]);
  label.given.source = row["source"].as<std::string>();
  label.told_by = row["told_by"].as<std::string>();
  label.told_at = row["told_at"].as<Instant>();
  label.state = enum_of(row["state"], parse_label_state);
  label.settled_at = optional_of<Instant>(row["settled_at"]);
  return label;
}

}  // namespace

std::vector<LabelVerdict> TellLabels::operator()(pqxx::work& transaction) const {
  std::vector<LabelVerdict> verdicts;
  std::vector<const GivenLabel*> accepted;
  if (!labels.empty()) {
    LabelDesk desk = load_desk(transaction, labels);
    for (const GivenLabel& label : labels) {
      verdicts.push_back(desk.judge(label, now));
      if (verdicts.back().status == LabelVerdict::Status::accepted) accepted.push_back(&label);
    }
  }
  if (!accepted.empty()) insert_labels(transaction, accepted, actor, now);
  LabelSums sums = sums_of(verdicts);
  sums.refused += refused_before;
  note_for_audit(transaction, actor, sums, now);
  return verdicts;
}

ExchangedLabels ExchangeLabels::operator()(pqxx::work& transaction) const {
  static const Statement lock_queue{"lock_label_queue",
                                    "select waiting from label_queues where device_id = $1 for update"};
  ExchangedLabels exchanged;
  const auto queue = exec_prepared(transaction, lock_queue, device);
  if (queue.empty() || queue[0][0].as<std::int64_t>() == 0) return exchanged;
  exchanged.settled = settle_answers(transaction, device, answers, now);
  exchanged.handed = hand_out(transaction, device, answers);
  static const Statement has_come{"label_queue_has_come", R"sql(
    update label_queues
    set tell_at = case when waiting > 0 then $2::timestamptz end
    where device_id = $1
  )sql"};
  exec_prepared(transaction, has_come, device, now + told_again);
  return exchanged;
}

// By 30 s more at least, up to ten minutes as it is told in vain.
std::vector<WaitingDevice> TakeDueDevices::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      R"sql(
        with due as (
          select device_id
          from label_queues
          where tell_at <= $1::timestamptz
          order by tell_at
          limit $2
          for update skip locked
        )
        update label_queues q
        set told = q.told + 1,
          tell_at = $1::timestamptz + interval '1 second' * (30 + random() * least(570, 30 * 2 ^ least(q.told, 10)))
        from due, devices d, device_state s
        where q.device_id = due.device_id and d.id = q.device_id and s.device_id = q.device_id
        returning q.device_id, q.waiting, d.revoked_at is not null as revoked, s.presence
      )sql",
      now, limit);
  std::vector<WaitingDevice> due;
  std::set<std::string> revoked;
  for (const auto& row : rows) {
    const auto device = row["device_id"].as<std::string>();
    if (row["revoked"].as<bool>()) {
      revoked.insert(device);
    } else if (is_reachable(enum_of(row["presence"], parse_presence))) {
      due.push_back({device, row["waiting"].as<std::uint64_t>()});
    }
  }
  if (revoked.empty()) return due;
  end_labels(transaction,
             transaction.exec_params(
                 R"sql(
                   update observation_labels
                   set state = 'revoked', settled_at = $2::timestamptz
                   where seq in (
                     select seq
                     from observation_labels
                     where device_id in (select unnest($1::text[])) and state = 'waiting'
                     limit 20000
                   )
                   returning device_id, model, state
                 )sql",
                 pg_array(revoked), now),
             now);
  return due;
}

std::size_t ExpireLabels::operator()(pqxx::work& transaction) const {
  const auto old = transaction.exec_params(
      R"sql(
        select distinct device_id
        from (
          select device_id
          from observation_labels
          where state = 'waiting' and told_at < $1::timestamptz
          order by told_at
          limit $2
        ) as oldest
      )sql",
      now - labels_wait, limit);
  if (old.empty()) return 0;
  std::set<std::string> devices;
  for (const auto& row : old) devices.insert(row[0].as<std::string>());
  lock_queues(transaction, devices);
  return end_labels(transaction,
                    transaction.exec_params(
                        R"sql(
                          update observation_labels
                          set state = 'expired', settled_at = $2::timestamptz
                          where seq in (
                            select seq
                            from observation_labels
                            where device_id in (select unnest($1::text[])) and state = 'waiting'
                              and told_at < $3::timestamptz
                            limit $4
                          )
                          returning device_id, model, state
                        )sql",
                        pg_array(devices), now, now - labels_wait, limit),
                    now);
}

// Labels follow the time closely enough: looking at the oldest alone ends at once when there is nothing to do.
std::size_t DeleteOldLabels::operator()(pqxx::work& transaction) const {
  const auto deleted = transaction.exec_params(
      R"sql(
        delete from observation_labels
        where seq in (
          select seq
          from (select seq, told_at, state from observation_labels order by seq limit $2) as oldest
          where told_at < $1::timestamptz and state <> 'waiting'
        )
      )sql",
      now - labels_kept, limit);
  return static_cast<std::size_t>(deleted.affected_rows());
}

std::size_t AuditLabels::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      R"sql(
        delete from label_additions
        where (actor, hour) in (
          select actor, hour
          from label_additions
          where hour < date_trunc('hour', $1::timestamptz)
          order by hour
          limit $2
        )
        returning actor, hour, accepted, repeated, refused
      )sql",
      now, limit);
  for (const auto& row : rows) {
    const json details{{"hour", to_rfc3339(row["hour"].as<Instant>())},
                       {"accepted", row["accepted"].as<std::int64_t>()},
                       {"repeated", row["repeated"].as<std::int64_t>()},
                       {"refused", row["refused"].as<std::int64_t>()}};
    append_audit(transaction, row["actor"].as<std::string>(), "labels.tell", "labels", details.dump());
  }
  return static_cast<std::size_t>(rows.size());
}

Result<LabelPage> ListLabels::operator()(pqxx::work& transaction) const {
  ARGOSY_CHECK(load_device(transaction, query.device));
  const std::string matching = R"sql(
    from observation_labels
    where device_id = $1 and ($2 = '' or model = $2) and ($3 = '' or state = $3)
  )sql";
  const std::string model = query.model.value_or("");
  const std::string state = query.state ? std::string(to_string(*query.state)) : std::string();
  LabelPage page;
  page.total = transaction
                   .exec_params1("select count(*) from (select 1 " + matching + " limit $4) as matching", query.device,
                                 model, state, most_counted)[0]
                   .as<std::int64_t>();
  const auto rows = transaction.exec_params(
      "select seq, device_id, model, observation, label, predicted_at, source, told_by, told_at, state, settled_at " +
          matching + " and ($4::bigint is null or seq < $4) order by seq desc limit $5",
      query.device, model, state, query.before, query.limit);
  for (const auto& row : rows) page.items.push_back(label_of(row));
  return page;
}

Result<LabelStatus> ReadLabelStatus::operator()(pqxx::work& transaction) const {
  LabelStatus status;
  if (device) {
    ARGOSY_TRY(status.device, load_device(transaction, *device));
    status.waiting = status.device->waiting;
    status.waiting_since = optional_of<Instant>(transaction.exec_params1(
        "select min(told_at) from observation_labels where device_id = $1 and state = 'waiting'", *device)[0]);
  } else {
    status.waiting =
        transaction.exec1("select coalesce(sum(waiting), 0)::bigint from label_queues")[0].as<std::int64_t>();
  }
  const auto rows = transaction.exec_params(
      R"sql(
        select model, state, sum(labels)::bigint as labels, max(newest_at) as newest_at
        from label_counts
        where $1::text is null or device_id = $1
        group by model, state
        order by model, state
      )sql",
      device);
  for (const auto& row : rows)
    status.counts.push_back({row["model"].as<std::string>(), enum_of(row["state"], parse_label_state),
                             row["labels"].as<std::int64_t>(), row["newest_at"].as<Instant>()});
  return status;
}

}  // namespace argosy::server
