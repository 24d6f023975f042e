#include "server/rollouts/desired/desired_store.hpp"

#include <utility>

#include <nlohmann/json.hpp>
#include <pqxx/pqxx>

#include "common/base/text.hpp"
#include "server/db/rows.hpp"
#include "server/db/statement.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

// Adds what was built to `batch`; answers what was not.
std::vector<BuiltDocument> encode_into(DueBatch& batch, std::vector<BuiltDocument> built) {
  std::vector<BuiltDocument> unbuildable;
  batch.looked_at += built.size();
  if (!built.empty()) batch.last = built.back().device;
  for (auto& one : built) {
    if (one.document) {
      batch.documents.push_back({std::move(one.device), one.rev, wire::encode(*one.document)});
    } else {
      ++batch.unbuildable;
      unbuildable.push_back(std::move(one));
    }
  }
  return unbuildable;
}

// Nobody is told anything after the end.
void forget_revoked(pqxx::work& transaction, const std::string& ids) {
  transaction.exec_params0(
      R"sql(
        delete from desired_due
        where device_id in (
          select d.id from devices d where d.revoked_at is not null and d.id in (select unnest($1::text[]))
        )
      )sql",
      ids);
}

// While a rollout is being stopped, devices that have not heard of it must not be told to begin. Answers a pg_array.
std::string select_due(pqxx::work& transaction, DueClass due, std::size_t limit) {
  static const std::string selected = R"sql(
    select q.device_id
    from desired_due q
    where q.class = $1 and q.not_before <= now()
  )sql";
  static const std::string stopping = R"sql(
    and not exists (
      select
      from device_targets t
      join rollouts r on r.id = t.rollout_id
      where t.device_id = q.device_id and r.told_up_to < t.device_id
    )
  )sql";
  const bool is_stopping =
      due == DueClass::change &&
      transaction.exec1("select exists (select from rollouts where told_up_to is not null)")[0].as<bool>();
  const auto rows = transaction.exec_params(
      selected + (is_stopping ? stopping : std::string()) + "order by q.not_before, q.device_id limit $2",
      static_cast<int>(due), static_cast<std::int64_t>(limit));
  std::vector<std::string> ids;
  for (const auto& row : rows) ids.push_back(row[0].as<std::string>());
  return pg_array(ids);
}

// Half a minute, then twice as long each time, up to an hour.
void put_off(pqxx::work& transaction, const BuiltDocument& one) {
  const auto& why = one.document.error().message;
  const auto row = transaction.exec_params1(
      R"sql(
        update desired_due q
        set failures = q.failures + 1, fault = $2,
          not_before = now() + least(interval '1 hour', interval '30 s' * power(2, least(q.failures, 10)))
        from (select device_id, fault from desired_due where device_id = $1 for update) as old
        where q.device_id = old.device_id
        returning old.fault is distinct from $2
      )sql",
      one.device, why);
  if (!row[0].as<bool>()) return;
  append_event(transaction, {.kind = "device.desired",
                             .severity = "warning",
                             .device_id = one.device,
                             .rollout_id = std::nullopt,
                             .model = std::nullopt,
                             .message = one.device + " cannot be told what to run: " + why});
}

}  // namespace

Result<wire::Desired> GetDesired::operator()(pqxx::work& transaction) const {
  static const Statement find_device{"find_device_to_tell",
                                     DesiredBuilder::select_devices("where d.id = $1 and d.revoked_at is null")};
  auto built = DesiredBuilder(transaction, cache).build(exec_prepared(transaction, find_device, device));
  if (built.empty()) return make_error(Errc::not_found, "there is no device '" + shortened(device) + "'");
  return std::move(built.front().document);
}

// Which devices are due is planned anew each time: how many may change a thousandfold in a second, and the best plan
// with it.
DueBatch BuildDueDocuments::operator()(pqxx::work& transaction) const {
  static const Statement find_devices{"find_devices_to_tell", DesiredBuilder::select_devices(R"sql(
    where d.id in (select unnest($1::text[])) and d.revoked_at is null
    order by d.id
  )sql")};
  DueBatch batch;
  DesiredBuilder builder(transaction, cache);
  for (const auto due : {DueClass::stop, DueClass::change}) {
    const auto left = limit - batch.looked_at;
    if (left == 0) break;
    const auto ids = select_due(transaction, due, left);
    const auto unbuildable = encode_into(batch, builder.build(exec_prepared(transaction, find_devices, ids)));
    for (const auto& one : unbuildable) put_off(transaction, one);
    forget_revoked(transaction, ids);
  }
  return batch;
}

DueBatch BuildToldDocuments::operator()(pqxx::work& transaction) const {
  static const std::string sql = DesiredBuilder::select_devices(R"sql(
    where d.id > $1 and d.desired_rev > 0 and d.revoked_at is null
      and not exists (select from desired_due q where q.device_id = d.id)
    order by d.id
    limit $2
  )sql");
  const auto devices = transaction.exec_params(sql, after, static_cast<std::int64_t>(limit));
  DueBatch batch;
  encode_into(batch, DesiredBuilder(transaction, cache).build(devices));
  return batch;
}

void MarkPublished::operator()(pqxx::work& transaction) const {
  Json rows = Json::array();
  for (const auto& one : published) rows.push_back({{"device", one.device}, {"rev", one.rev}});
  // Locked in the order of touch_desired.
  transaction.exec_params0(
      R"sql(
        with taken as (
          select q.device_id
          from desired_due q
          join jsonb_to_recordset($1::jsonb) as i(device text, rev bigint) on i.device = q.device_id
          where q.rev <= i.rev
          order by q.device_id
          for update of q
        )
        delete from desired_due where device_id in (select device_id from taken)
      )sql",
      rows.dump());
}

}  // namespace argosy::server
