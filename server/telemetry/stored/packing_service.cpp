#include "server/telemetry/stored/packing_service.hpp"

#include <utility>

#include "server/base/metrics.hpp"
#include "server/db/db_pool.hpp"
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
      ARGOSY_CO_TRY(const bool packed, co_await pack_next());
      if (packed) continue;
    }
    ARGOSY_CO_TRY(const RolledDay rolled, co_await db_.transact<RollDay>(over, options_.slice));
    figures_.days += rolled.days;
    if (rolled.nothing_left) break;
    is_inside_day = rolled.is_inside;
  }
  co_return Result<void>{};
}

Task<Result<bool>> PackingService::pack_next() {
  ARGOSY_CO_TRY(const Waiting waiting, co_await db_.transact<FindWaiting>());
  figures_.waiting = waiting.tables;
  if (!waiting.next) co_return false;
  ARGOSY_CO_TRY(const PackedSlice slice, co_await db_.transact<PackSlice>(*waiting.next, options_.slice));
  figures_.windows += slice.windows;
  figures_.unreadable += slice.unreadable;
  if (slice.is_last) {
    ARGOSY_CO_CHECK(co_await db_.transact<DropPacked>(*waiting.next));
    --figures_.waiting;
  }
  co_return true;
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
