#include "tests/bench/fleet_load/stored_windows.hpp"

#include <exception>
#include <tuple>
#include <unordered_map>
#include <utility>

#include <pqxx/pqxx>

namespace argosy::fleet_load {

namespace {

constexpr const char* of_devices = R"sql(
  with parts as (
    select device_id, epoch, count(*) as rows, count(distinct seq) as windows
    from telemetry_unpacked
    where device_id in (select device from load_outboxes)
    group by 1, 2
    union all
    select device_id, epoch, windows, windows
    from telemetry_packed
    where device_id in (select device from load_outboxes)
  )
  select o.device, sum(p.windows)::bigint, sum(p.rows)::bigint
  from parts p
  join load_outboxes o on o.device = p.device_id and o.epoch = lpad(to_hex(p.epoch), 16, '0')
  group by 1
)sql";

void tell_outboxes(pqxx::work& transaction, const std::vector<SimulatedDevice>& devices) {
  transaction.exec("create temporary table load_outboxes (device text, epoch text) on commit drop");
  pqxx::stream_to rows(transaction, "load_outboxes", std::vector<std::string>{"device", "epoch"});
  for (const SimulatedDevice& device : devices) {
    rows << std::make_tuple(device.name, device.outbox.epoch());
    for (const std::string& epoch : device.epochs_before) rows << std::make_tuple(device.name, epoch);
  }
  rows.complete();
  transaction.exec("analyze load_outboxes");
}

// What `work` finds in one transaction, which changes nothing.
template <class Work>
auto ask(const std::string& conninfo, Work work) -> Result<decltype(work(std::declval<pqxx::work&>()))> {
  try {
    pqxx::connection connection(conninfo);
    pqxx::work transaction(connection);
    return work(transaction);
  } catch (const std::exception& error) {
    return make_error(Errc::unavailable, std::string("--database: ") + error.what());
  }
}

std::uint64_t over(std::uint64_t a, std::uint64_t b) {
  return a > b ? a - b : 0;
}

}  // namespace

Result<void> check_database(const std::string& conninfo) {
  ARGOSY_CHECK(ask(conninfo, [](pqxx::work& transaction) {
    return transaction.exec("select from telemetry_unpacked limit 0").size();
  }));
  return {};
}

Result<StoredWindows> count_stored(const std::string& conninfo, const std::vector<SimulatedDevice>& devices) {
  return ask(conninfo, [&devices](pqxx::work& transaction) {
    tell_outboxes(transaction, devices);
    StoredWindows stored;
    std::unordered_map<std::string, std::uint64_t> of_device;
    for (const auto& row : transaction.exec(of_devices)) {
      const auto windows = row[1].as<std::uint64_t>();
      of_device[row[0].as<std::string>()] = windows;
      stored.windows += windows;
      stored.twice += row[2].as<std::uint64_t>() - windows;
    }
    for (const SimulatedDevice& device : devices) {
      const auto windows = of_device[device.name];
      stored.lost += over(device.acknowledged, windows);
      stored.twice += over(windows, device.sent);
    }
    return stored;
  });
}

}  // namespace argosy::fleet_load
