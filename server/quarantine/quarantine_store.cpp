#include "server/quarantine/quarantine_store.hpp"

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

using Json = nlohmann::json;

const std::string select_rows = R"sql(
  select device_id, kind, reason, digest, count, first_at, last_at, suspect, deaths, retry_at, announced,
    announced_at, server_version, ended_at
  from quarantine
)sql";

QuarantineRow row_in(const pqxx::row& row) {
  QuarantineRow one;
  one.device = row["device_id"].as<std::string>();
  one.kind = enum_of(row["kind"], parse_message_kind);
  one.reason = row["reason"].as<std::string>();
  one.digest = Digest::parse(row["digest"].as<std::string>()).value();
  one.count = row["count"].as<std::int64_t>();
  one.first_at = row["first_at"].as<Instant>();
  one.last_at = row["last_at"].as<Instant>();
  one.suspect = row["suspect"].as<bool>();
  one.deaths = row["deaths"].as<int>();
  one.retry_at = optional_of<Instant>(row["retry_at"]).value_or(Instant{});
  one.announced = row["announced"].as<bool>();
  one.announced_at = optional_of<Instant>(row["announced_at"]).value_or(Instant{});
  one.server_version = row["server_version"].as<std::string>();
  one.ended_at = optional_of<Instant>(row["ended_at"]);
  return one;
}

std::vector<QuarantineRow> rows_in(const pqxx::result& result) {
  std::vector<QuarantineRow> rows;
  for (const auto& row : result) rows.push_back(row_in(row));
  return rows;
}

Json time_or_null(Instant at) {
  return at == Instant{} ? Json() : Json(to_rfc3339(at));
}

Json columns_of(const QuarantineRow& row) {
  return {{"device", row.device},
          {"kind", to_string(row.kind)},
          {"reason", row.reason},
          {"digest", row.digest.to_hex()},
          {"count", row.count},
          {"first_at", to_rfc3339(row.first_at)},
          {"last_at", to_rfc3339(row.last_at)},
          {"suspect", row.suspect},
          {"deaths", row.deaths},
          {"retry_at", time_or_null(row.retry_at)},
          {"announced", row.announced},
          {"announced_at", time_or_null(row.announced_at)},
          {"version", row.server_version},
          {"ended_at", json_of(row.ended_at)}};
}

std::string what_of(MessageKind kind) {
  if (kind == MessageKind::rate) return "too much";
  if (kind == MessageKind::allowance) return "more than its allowance";
  return "a message (" + std::string(to_string(kind)) + ")";
}

void append_quarantine_event(pqxx::work& transaction, const QuarantineRow& row, bool began) {
  const std::string message = began ? row.device + " sent " + what_of(row.kind) + " that is not taken: " + row.reason
                                    : row.device + " is out of quarantine (" + std::string(to_string(row.kind)) + ")";
  append_event(transaction, {.kind = began ? "quarantine.began" : "quarantine.ended",
                             .severity = began ? "warning" : "info",
                             .device_id = row.device,
                             .rollout_id = std::nullopt,
                             .model = std::nullopt,
                             .message = message,
                             .details_json = Json{{"kind", to_string(row.kind)}, {"count", row.count}}.dump()});
}

}  // namespace

std::vector<QuarantineRow> LoadQuarantine::operator()(pqxx::work& transaction) const {
  return rows_in(transaction.exec_params(select_rows + "order by last_at desc limit $1", limit));
}

void SaveQuarantine::operator()(pqxx::work& transaction) const {
  Json rows = Json::array();
  for (const Quarantine::Change& change : changes) rows.push_back(columns_of(change.row));
  const auto saved = transaction.exec_params(
      R"sql(
        insert into quarantine (device_id, kind, reason, digest, count, first_at, last_at, suspect, deaths,
          retry_at, announced, announced_at, server_version, ended_at)
        select device, kind, reason, digest, count, first_at, last_at, suspect, deaths, retry_at, announced,
          announced_at, version, ended_at
        from jsonb_to_recordset($1::jsonb) as r(device text, kind text, reason text, digest text, count bigint,
          first_at timestamptz, last_at timestamptz, suspect boolean, deaths int, retry_at timestamptz,
          announced boolean, announced_at timestamptz, version text, ended_at timestamptz)
        where exists (select 1 from devices d where d.id = r.device)
        order by device, kind
        on conflict (device_id, kind) do update set reason = excluded.reason, digest = excluded.digest,
          count = excluded.count, first_at = excluded.first_at, last_at = excluded.last_at,
          suspect = excluded.suspect, deaths = excluded.deaths, retry_at = excluded.retry_at,
          announced = excluded.announced, announced_at = excluded.announced_at,
          server_version = excluded.server_version, ended_at = excluded.ended_at
        returning device_id
      )sql",
      rows.dump());
  std::set<std::string> known;
  for (const auto& row : saved) known.insert(row[0].as<std::string>());
  for (const Quarantine::Change& change : changes) {
    if (!known.contains(change.row.device)) continue;
    if (change.began) append_quarantine_event(transaction, change.row, true);
    if (change.ended) append_quarantine_event(transaction, change.row, false);
  }
}

Result<std::vector<QuarantineRow>> ReadQuarantine::operator()(pqxx::work& transaction) const {
  auto rows = rows_in(transaction.exec_params(select_rows + "where device_id = $1 order by kind", device));
  if (rows.empty() && transaction.exec_params("select 1 from devices where id = $1", device).empty())
    return make_error(Errc::not_found, "there is no device \"" + device + "\"");
  return rows;
}

void ClearQuarantine::operator()(pqxx::work& transaction) const {
  transaction.exec_params0("delete from quarantine where ended_at < $1::timestamptz or last_at < $2::timestamptz",
                           now - kept, now - 3 * kept);
}

}  // namespace argosy::server
