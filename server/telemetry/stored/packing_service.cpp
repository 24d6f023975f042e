#include "server/telemetry/stored/packing_service.hpp"

#include <utility>

#include "server/base/metrics.hpp"
#include "server/db/db_pool.hpp"
#include "server/db/unless_held.hpp"
#include "server/telemetry/stored/packing_store.hpp"
#include "server/telemetry/stored/rollup_rows_store.hpp"

namespace argosy::server {

namespace {

// Whether a day is half added up: windows of it that are packed meanwhile would be missed.
struct IsInsideDay {
  bool operator()(pqxx::work& transaction) const { return read_levels(transaction).days_device.has_value(); }
};

}  // namespace

Task<Result<void>> PackingService::tick(Instant now) {
  const auto until = Clock::now() + options_.budget;
  const Instant over = now - options_.days_rest;
  ARGOSY_CO_TRY(bool is_inside_day, co_await db_.transact<IsInsideDay>());
  while (Clock::now() < until) {
    if (!is_inside_day) {
      ARGOSY_CO_TRY(const bool packed, co_await pack_next(now));
      if (packed) continue;
    }
    ARGOSY_CO_TRY(const RolledDay rolled, co_await db_.transact<RollDay>(over, options_.slice));
    figures_.days += rolled.days;
    if (rolled.nothing_left) break;
    is_inside_day = rolled.is_inside;
  }
  co_return Result<void>{};
}

Task<Result<bool>> PackingService::pack_next(Instant now) {
  std::erase_if(held_, [&](const auto& held) { return now - held.second >= options_.again_after; });
  FindWaiting find;
  for (const auto& held : held_) find.but_not.push_back(held.first);
  ARGOSY_CO_TRY(const Waiting waiting, co_await db_.transact(std::move(find)));
  figures_.waiting = waiting.tables;
  if (!waiting.next) co_return false;
  ARGOSY_CO_TRY(const PackedSlice slice, co_await db_.transact<PackSlice>(*waiting.next, options_.slice));
  figures_.windows += slice.windows;
  figures_.unreadable += slice.unreadable;
  if (slice.is_last) {
    ARGOSY_CO_CHECK(co_await drop_packed(*waiting.next, now));
  }
  co_return true;
}

Task<Result<void>> PackingService::drop_packed(std::string table, Instant now) {
  auto dropped = co_await db_.transact<DropPacked>(table);
  ARGOSY_CO_TRY(const bool is_dropped, unless_held(std::move(dropped)));
  if (is_dropped) {
    --figures_.waiting;
  } else {
    held_.insert_or_assign(std::move(table), now);
  }
  co_return Result<void>{};
}

void add_metrics(Metrics& metrics, const PackingService& packing) {
  metrics.sampled_counter("argosy_telemetry_packed_windows_total", "Windows packed",
                          [&packing] { return packing.figures().windows; });
  metrics.sampled_counter("argosy_telemetry_unreadable_windows_total", "Windows packed whose figures were corrupt",
                          [&packing] { return packing.figures().unreadable; });
  metrics.sampled_counter("argosy_telemetry_day_rollups_total", "Days of a device, model and version added up",
                          [&packing] { return packing.figures().days; });
  metrics.sampled_gauge("argosy_telemetry_unpacked_tables", "Tables of windows that are over and not packed",
                        [&packing] { return packing.figures().waiting; });
}

}  // namespace argosy::server
