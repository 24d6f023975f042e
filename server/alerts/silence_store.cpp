#include "server/alerts/silence_store.hpp"

#include <nlohmann/json.hpp>

#include "common/json/json_reader.hpp"
#include "server/alerts/alert_rows_store.hpp"
#include "server/alerts/silence_rows_store.hpp"
#include "server/db/rows.hpp"
#include "server/db/time_zones.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

std::string object_of(std::int64_t silence) {
  return "silence/" + std::to_string(silence);
}

std::optional<std::string> weekly_text(const Silence& silence) {
  if (!silence.weekly) return std::nullopt;
  return encode(*silence.weekly).dump();
}

Result<void> check_zone(pqxx::work& transaction, const Silence& silence) {
  if (!silence.weekly || is_time_zone(transaction, silence.weekly->time_zone)) return {};
  return field_error("weekly.time_zone", no_such_zone(silence.weekly->time_zone));
}

void audit(pqxx::work& transaction, const std::string& actor, const std::string& action, const Silence& silence) {
  append_audit(transaction, actor, action, object_of(silence.id), silence_to_json(silence));
}

Result<Silence> live_silence(pqxx::work& transaction, std::int64_t id) {
  auto silence = read_silence_row(transaction, id);
  if (!silence) return make_error(Errc::not_found, "there is no silence " + std::to_string(id));
  if (silence->ended_at)
    return make_error(Errc::illegal_transition, "silence " + std::to_string(id) + " ended at " +
                                                    to_rfc3339(*silence->ended_at) + "; make another");
  return std::move(*silence);
}

}  // namespace

SilencePage ReadSilences::operator()(pqxx::work& transaction) const {
  SilencePage page;
  page.total = transaction
                   .exec_params1(
                       R"sql(
                         select count(*)
                         from (select from alert_silences where (ended_at is not null) = $1 limit 10000) as counted
                       )sql",
                       query.ended)[0]
                   .as<std::int64_t>();
  page.items = read_silences_before(transaction, query.ended, query.before, query.limit);
  return page;
}

Result<Silence> AddSilence::operator()(pqxx::work& transaction) const {
  lock_alerts(transaction);
  ARGOSY_CHECK(check_zone(transaction, wanted));
  const auto live = transaction.exec1("select count(*) from alert_silences where ended_at is null")[0];
  if (live.as<std::int64_t>() >= most_silences)
    return make_error(Errc::conflict, "there are " + std::to_string(most_silences) +
                                          " silences already; end those that are of no use any more");
  const auto row = transaction.exec_params1(
      R"sql(
        insert into alert_silences (filter, rule, model, severity, starts_at, ends_at, weekly, author, comment,
          created_at, changed_at, changed_by)
        values ($1, $2, $3, $4, $5::timestamptz, $6::timestamptz, $7::jsonb, $8, $9, $10::timestamptz,
          $10::timestamptz, $8)
        returning id
      )sql",
      wanted.match.filter, wanted.match.rule, wanted.match.model, wanted.match.severity, wanted.starts_at,
      wanted.ends_at, weekly_text(wanted), actor, wanted.comment, now);
  auto silence = *read_silence_row(transaction, row[0].as<std::int64_t>());
  audit(transaction, actor, "silence.create", silence);
  return silence;
}

Result<Silence> ChangeSilence::operator()(pqxx::work& transaction) const {
  lock_alerts(transaction);
  ARGOSY_CHECK(check_zone(transaction, wanted));
  ARGOSY_TRY(const auto present, live_silence(transaction, id));
  transaction.exec_params0(
      R"sql(
        update alert_silences
        set filter = $2, rule = $3, model = $4, severity = $5, starts_at = $6::timestamptz, ends_at = $7::timestamptz,
          weekly = $8::jsonb, comment = $9, changed_at = $10::timestamptz, changed_by = $11
        where id = $1
      )sql",
      id, wanted.match.filter, wanted.match.rule, wanted.match.model, wanted.match.severity, wanted.starts_at,
      wanted.ends_at, weekly_text(wanted), wanted.comment, now, actor);
  if (present.in_effect) forget_what_is_covered(transaction, id, now);
  auto silence = *read_silence_row(transaction, id);
  audit(transaction, actor, "silence.change", silence);
  return silence;
}

Result<Silence> EndSilence::operator()(pqxx::work& transaction) const {
  lock_alerts(transaction);
  ARGOSY_TRY(const auto present, live_silence(transaction, id));
  transaction.exec_params0("update alert_silences set ended_at = $2::timestamptz, ended_by = $3 where id = $1", id, now,
                           actor);
  if (present.in_effect) forget_what_is_covered(transaction, id, now);
  auto silence = *read_silence_row(transaction, id);
  audit(transaction, actor, "silence.end", silence);
  return silence;
}

}  // namespace argosy::server
