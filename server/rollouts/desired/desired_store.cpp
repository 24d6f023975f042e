#include "server/rollouts/desired/desired_store.hpp"

#include <array>
#include <utility>

#include <nlohmann/json.hpp>
#include <pqxx/pqxx>

#include "common/base/text.hpp"
#include "server/db/db_pool.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

struct GetDesired {
  ReleaseCache& cache;
  std::string device;

  Result<wire::Desired> operator()(pqxx::work& transaction) const {
    auto built = DesiredBuilder(transaction, cache).build("where d.id = $1 and d.revoked_at is null", device);
    if (built.empty()) return make_error(Errc::not_found, "there is no device '" + shortened(device) + "'");
    return std::move(built.front().document);
  }
};

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

class Due {
 public:
  Due(ReleaseCache& cache, std::size_t limit) : cache_(cache), limit_(limit) {}

  DueBatch operator()(pqxx::work& transaction) const {
    DueBatch batch;
    DesiredBuilder builder(transaction, cache_);
    for (const auto due : {DueClass::stop, DueClass::change}) {
      const auto left = limit_ - batch.looked_at;
      if (left == 0) break;
      const auto ids = select(transaction, due, left);
      const auto unbuildable =
          encode_into(batch, builder.build("where d.id in (select jsonb_array_elements_text($1::jsonb)) "
                                           "and d.revoked_at is null order by d.id",
                                           ids.dump()));
      for (const auto& one : unbuildable) put_off(transaction, one);
      forget_revoked(transaction, ids);
    }
    return batch;
  }

 private:
  // Nobody is told anything after the end.
  static void forget_revoked(pqxx::work& transaction, const Json& ids) {
    transaction.exec_params0(
        "delete from desired_due where device_id in (select d.id from devices d where d.revoked_at is not null "
        "and d.id in (select jsonb_array_elements_text($1::jsonb)))",
        ids.dump());
  }

  // While a rollout is being stopped, devices that have not heard of it must not be told to begin.
  static Json select(pqxx::work& transaction, DueClass due, std::size_t limit) {
    static const std::string stopping =
        "and not exists (select from device_targets t join rollouts r on r.id = t.rollout_id "
        "where t.device_id = q.device_id and r.told_up_to < t.device_id) ";
    const bool is_stopping =
        due == DueClass::change &&
        transaction.exec1("select exists (select from rollouts where told_up_to is not null)")[0].as<bool>();
    const auto rows = transaction.exec_params(
        "select q.device_id from desired_due q where q.class = $1 and q.not_before <= now() " +
            (is_stopping ? stopping : std::string()) + "order by q.not_before, q.device_id limit $2",
        static_cast<int>(due), static_cast<std::int64_t>(limit));
    Json ids = Json::array();
    for (const auto& row : rows) ids.push_back(row[0].as<std::string>());
    return ids;
  }

  // Half a minute, then twice as long each time, up to an hour.
  static void put_off(pqxx::work& transaction, const BuiltDocument& one) {
    const auto& why = one.document.error().message;
    const auto row = transaction.exec_params1(
        "update desired_due q set failures = q.failures + 1, fault = $2, "
        "not_before = now() + least(interval '1 hour', interval '30 s' * power(2, least(q.failures, 10))) "
        "from (select device_id, fault from desired_due where device_id = $1 for update) as old "
        "where q.device_id = old.device_id returning old.fault is distinct from $2",
        one.device, why);
    if (!row[0].as<bool>()) return;
    append_event(transaction, {.kind = "device.desired",
                               .severity = "warning",
                               .device_id = one.device,
                               .rollout_id = std::nullopt,
                               .model = std::nullopt,
                               .message = one.device + " cannot be told what to run: " + why});
  }

  ReleaseCache& cache_;
  std::size_t limit_;
};

struct Told {
  ReleaseCache& cache;
  std::string after;
  std::size_t limit;

  DueBatch operator()(pqxx::work& transaction) const {
    DueBatch batch;
    DesiredBuilder builder(transaction, cache);
    encode_into(batch, builder.build("where d.id > $1 and d.desired_rev > 0 and d.revoked_at is null and not exists "
                                     "(select from desired_due q where q.device_id = d.id) order by d.id limit $2",
                                     after, static_cast<std::int64_t>(limit)));
    return batch;
  }
};

struct MarkPublished {
  std::vector<DueDocument> published;

  void operator()(pqxx::work& transaction) const {
    Json rows = Json::array();
    for (const auto& one : published) rows.push_back({{"device", one.device}, {"rev", one.rev}});
    // Locked in the order of touch_desired.
    transaction.exec_params0(
        "with taken as (select q.device_id from desired_due q join jsonb_to_recordset($1::jsonb) as "
        "i(device text, rev bigint) on i.device = q.device_id where q.rev <= i.rev order by q.device_id for update of "
        "q) "
        "delete from desired_due where device_id in (select device_id from taken)",
        rows.dump());
  }
};

}  // namespace

Task<Result<wire::Desired>> DesiredStore::get(std::string device) {
  co_return co_await db_.transact<GetDesired>(cache_, std::move(device));
}

Task<Result<DueBatch>> DesiredStore::due(std::size_t limit) {
  co_return co_await db_.transact<Due>(cache_, limit);
}

Task<Result<DueBatch>> DesiredStore::told(std::string after, std::size_t limit) {
  co_return co_await db_.transact<Told>(cache_, std::move(after), limit);
}

Task<Result<void>> DesiredStore::mark_published(std::vector<DueDocument> published) {
  co_return co_await db_.transact<MarkPublished>(std::move(published));
}

}  // namespace argosy::server
