#include "server/devices/diagnostics_store.hpp"

#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "server/db/rows.hpp"
#include "server/devices/presence_sql.hpp"
#include "server/journal/journal_store.hpp"
#include "server/journal/reaction_store.hpp"

namespace argosy::server {

namespace {

constexpr auto diagnostics_columns = R"sql(
  g.id, g.device_id, g.asked_at, g.asked_by, g.reason, g.state, g.answered_at,
  coalesce(octet_length(g.document), 0) as bytes
)sql";

DeviceDiagnostics diagnostics_in(const pqxx::row& row) {
  return {.id = row["id"].as<std::int64_t>(),
          .device = row["device_id"].as<std::string>(),
          .asked_at = row["asked_at"].as<Instant>(),
          .asked_by = row["asked_by"].as<std::string>(),
          .reason = row["reason"].as<std::string>(),
          .state = row["state"].as<std::string>(),
          .answered_at = optional_of<Instant>(row["answered_at"]),
          .bytes = row["bytes"].as<std::int64_t>()};
}

Error unknown_device(const std::string& device) {
  return make_error(Errc::not_found, "there is no device '" + shortened(device) + "'");
}

Result<void> check_device(pqxx::work& transaction, const std::string& device) {
  const auto rows = transaction.exec_params("select revoked_at is not null from devices where id = $1", device);
  if (rows.empty()) return unknown_device(device);
  if (rows[0][0].as<bool>())
    return make_error(Errc::conflict, "the device '" + shortened(device) + "' was revoked, and is asked nothing more");
  return {};
}

std::optional<DeviceDiagnostics> waiting_of(pqxx::work& transaction, const std::string& device) {
  static const std::string sql = std::string("select ") + diagnostics_columns +
                                 " from diagnostics g where g.device_id = $1 and g.state = 'waiting'";
  const auto rows = transaction.exec_params(sql, device);
  if (rows.empty()) return std::nullopt;
  return diagnostics_in(rows[0]);
}

void forget_oldest(pqxx::work& transaction, const std::string& device) {
  transaction.exec_params0(
      R"sql(
        delete from diagnostics
        where id in (select id from diagnostics where device_id = $1 order by id desc offset $2)
      )sql",
      device, diagnostics_kept);
}

// The one that waits already, or a new one.
DeviceDiagnostics question(pqxx::work& transaction, const std::string& device, const std::string& reason,
                           const std::string& actor, Instant now) {
  static const std::string sql = std::string(R"sql(
    insert into diagnostics as g (device_id, asked_at, asked_by, reason, due_at, ends_at)
    values ($1, $2::timestamptz, $3, $4, $2::timestamptz, $5::timestamptz)
    on conflict (device_id) where state = 'waiting' do nothing
    returning
  )sql") + diagnostics_columns;
  const auto rows = transaction.exec_params(sql, device, now, actor, shortened(reason, most_diagnostics_reason_bytes),
                                            now + diagnostics_wait);
  if (rows.empty()) return waiting_of(transaction, device).value();
  append_audit(transaction, actor, "device.diagnostics", "device/" + device, nlohmann::json{{"reason", reason}}.dump());
  forget_oldest(transaction, device);
  return diagnostics_in(rows[0]);
}

}  // namespace

Result<DeviceDiagnostics> AskForDiagnostics::operator()(pqxx::work& transaction) const {
  ARGOSY_CHECK(check_device(transaction, device));
  return question(transaction, device, reason, actor, now);
}

Result<void> AskForReaction::operator()(pqxx::work& transaction) const {
  const auto in_hand = take_reaction(transaction, reaction);
  if (!in_hand) return {};
  if (const auto may = check_device(transaction, in_hand->device); !may) {
    end_reaction(transaction, *in_hand, ReactionEnd::left, "not done: " + may.error().message, nlohmann::json::object(),
                 now);
    return {};
  }
  const auto asked = question(transaction, in_hand->device, in_hand->because(), in_hand->actor(), now);
  end_reaction(transaction, *in_hand, ReactionEnd::done, in_hand->device + " was asked for diagnostics",
               {{"diagnostics", asked.id}}, now);
  return {};
}

Result<std::vector<DeviceDiagnostics>> ListDiagnostics::operator()(pqxx::work& transaction) const {
  static const std::string sql =
      std::string("select ") + diagnostics_columns + " from diagnostics g where g.device_id = $1 order by g.id desc";
  if (transaction.exec_params("select from devices where id = $1", device).empty()) return unknown_device(device);
  std::vector<DeviceDiagnostics> list;
  for (const auto& row : transaction.exec_params(sql, device)) list.push_back(diagnostics_in(row));
  return list;
}

Result<DeviceDiagnostics> GetDiagnostics::operator()(pqxx::work& transaction) const {
  static const std::string sql = std::string("select ") + diagnostics_columns +
                                 ", g.document from diagnostics g where g.device_id = $1 and g.id = $2";
  const auto rows = transaction.exec_params(sql, device, id);
  if (rows.empty())
    return make_error(Errc::not_found, "the device '" + shortened(device) + "' has no diagnostics " +
                                           std::to_string(id) + "; the newest " + std::to_string(diagnostics_kept) +
                                           " are kept");
  auto found = diagnostics_in(rows[0]);
  found.document = optional_of<std::string>(rows[0]["document"]);
  return found;
}

Result<void> KeepDiagnostics::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      R"sql(
        update diagnostics g
        set state = 'answered', answered_at = $3::timestamptz, document = $4
        where g.device_id = $1 and g.id = $2 and g.document is null
        returning g.asked_by
      )sql",
      device, id, now, document);
  if (rows.empty()) {
    const bool is_known =
        !transaction.exec_params("select from diagnostics where device_id = $1 and id = $2", device, id).empty();
    if (is_known) return {};
    return make_error(Errc::not_found, "nobody asked for diagnostics " + std::to_string(id));
  }
  NewEvent event;
  event.kind = "device.diagnostics";
  event.device_id = device;
  event.message = device + " sent diagnostics, asked by " + rows[0][0].as<std::string>();
  event.details_json = nlohmann::json{{"diagnostics", id}}.dump();
  append_event(transaction, event);
  return {};
}

std::vector<DiagnosticsQuestion> TakeDueQuestions::operator()(pqxx::work& transaction) const {
  transaction.exec_params0(
      R"sql(
        update diagnostics
        set state = 'unanswered'
        where id in (
          select id from diagnostics where state = 'waiting' and ends_at <= $1::timestamptz order by due_at limit $2
        )
      )sql",
      now, most);
  std::vector<double> seconds;
  for (const auto pause : pauses) seconds.push_back(std::chrono::duration<double>(pause).count());
  static const std::string sql = R"sql(
    with due as (
      select g.id, g.device_id, g.tries, )sql" +
                                 reachable_sql("s") + R"sql( as is_reachable
      from diagnostics g
      join device_state s on s.device_id = g.device_id
      where g.state = 'waiting' and g.due_at <= $1::timestamptz
      order by g.due_at
      limit $2
      for update of g
    )
    update diagnostics g
    set tries = g.tries + due.is_reachable::int,
      due_at = $1::timestamptz + make_interval(secs => coalesce(
        ($3::jsonb ->> due.tries)::double precision, ($3::jsonb ->> -1)::double precision))
    from due
    where g.id = due.id
    returning g.device_id, g.id, due.is_reachable
  )sql";
  std::vector<DiagnosticsQuestion> questions;
  for (const auto& row : transaction.exec_params(sql, now, most, nlohmann::json(seconds).dump()))
    if (row[2].as<bool>()) questions.push_back({row[0].as<std::string>(), row[1].as<std::int64_t>()});
  return questions;
}

}  // namespace argosy::server
