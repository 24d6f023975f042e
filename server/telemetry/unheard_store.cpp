#include "server/telemetry/unheard_store.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "server/db/rows.hpp"

namespace argosy::server {

void note_unheard(pqxx::work& transaction, const TakenTelemetry& taken, const std::optional<Fence>& term) {
  if (taken.windows.empty() && taken.health.empty()) return;
  if (term && hold_fence(transaction, *term)) return;
  std::map<std::pair<std::string, std::string>, Instant> earliest;
  const auto add = [&earliest](const std::string& device, const std::string& model, Instant at) {
    const auto [known, is_new] = earliest.try_emplace({device, model}, at);
    if (!is_new) known->second = std::min(known->second, at);
  };
  for (const auto& window : taken.windows) add(window.device, window.model, window.started_at);
  for (const auto& health : taken.health) add(health.device, "", health.at);
  std::vector<std::string> devices, models, starts;
  for (const auto& [pair, start] : earliest) {
    devices.push_back(pair.first);
    models.push_back(pair.second);
    starts.push_back(to_rfc3339(start));
  }
  transaction.exec_params0(
      R"sql(
        insert into unheard_windows (device_id, model, earliest)
        select * from unnest($1::text[], $2::text[], $3::timestamptz[])
      )sql",
      pg_array(devices), pg_array(models), pg_array(starts));
}

std::vector<UnheardPair> TakeUnheard::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      R"sql(
        with taken as (
          delete from unheard_windows
          where id in (select id from unheard_windows order by id limit $1 for update skip locked)
          returning device_id, model, earliest
        )
        select device_id, model, min(earliest) from taken group by 1, 2
      )sql",
      most);
  std::vector<UnheardPair> pairs;
  for (const auto& row : rows)
    pairs.push_back({row[0].as<std::string>(), row[1].as<std::string>(), row[2].as<Instant>()});
  return pairs;
}

void WriteWindowRate::operator()(pqxx::work& transaction) const {
  transaction.exec_params0(
      R"sql(
        with gone as (
          delete from window_rates where counted_at < $3::timestamptz - interval '1 hour' and instance <> $1
        )
        insert into window_rates (instance, windows_last_minute, counted_at)
        values ($1, $2, $3::timestamptz)
        on conflict (instance) do update set windows_last_minute = excluded.windows_last_minute,
          counted_at = excluded.counted_at
      )sql",
      instance, windows, now);
}

}  // namespace argosy::server
