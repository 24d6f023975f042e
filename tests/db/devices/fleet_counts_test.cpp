// How many devices there are of each kind, against counting them.
#include <random>

#include "server/devices/device_service.hpp"
#include "server/devices/fleet_counts_store.hpp"
#include "tests/db/devices/devices_fixture.hpp"

namespace argosy::server {
namespace {

class FleetCountsTest : public DevicesTest {
 protected:
  DeviceService devices{pool};

  std::int64_t wrong() {
    return database.value<std::int64_t>(
        "select count(*) from fleet_recount r full join fleet_totals t using (kind, name, value) "
        "where coalesce(r.devices, 0) <> coalesce(t.devices, 0)");
  }
  std::int64_t total(const std::string& filter) {
    DeviceQuery query;
    query.filter = parse_filter(filter).value();
    query.limit = 1;
    return run(devices.list(std::move(query))).value().total;
  }
  void add_fleet(int count) {
    database.exec(
        "insert into devices (id, hardware_class, labels) select 'cam-' || n, case when n % 2 = 0 then 'cpu' else "
        "'gpu' end, "
        "jsonb_build_object('site', 's' || n % 3) from generate_series(1, " +
        std::to_string(count) + ") n");
    database.exec(
        "insert into device_state (device_id, presence, agent_version) select id, case when hardware_class = 'cpu' "
        "then "
        "'online' else 'offline' end, '1.0' from devices");
    database.exec("insert into device_models (device_id, model, version) select id, 'digits', '1.0' from devices");
  }
};

TEST_F(FleetCountsTest, TotalsOfOneComparisonComeFromTheCounts) {
  add_fleet(12);
  EXPECT_EQ(total(""), 12);
  EXPECT_EQ(total("hardware_class = cpu"), 6);
  EXPECT_EQ(total("labels.site = s1"), 4);
  EXPECT_EQ(total("labels.site != s1"), 8);
  EXPECT_EQ(total("presence = offline"), 6);
  EXPECT_EQ(total("model.digits = \"1.0\""), 12);
  EXPECT_EQ(total("model.digits = \"2.0\""), 0);
  database.exec("update devices set revoked_at = now() where id = 'cam-2'");
  EXPECT_EQ(total(""), 11);
  EXPECT_EQ(total("hardware_class = cpu"), 5);
  EXPECT_EQ(total("presence = online"), 5);
  EXPECT_EQ(total("model.digits = \"1.0\""), 11);
}

TEST_F(FleetCountsTest, WhatBoardsAreIsCountedAndAsked) {
  add_fleet(12);
  database.exec(
      "update devices set capabilities = jsonb_build_object('board', case when hardware_class = 'cpu' then 'Pi 5' else "
      "'Jetson Orin' end, 'accelerators', '[\"cuda\", \"nvdla\", \"cuda\"]'::jsonb, 'versions', "
      "'{\"tensorrt\": \"8.6.0-1+cuda11\", \"mood\": \"7\", \"cudnn\": \"none\"}'::jsonb, "
      "'runtime_versions', '[\"onnxruntime 1.17.0\", \"onnxruntime 1.22.1\"]'::jsonb)");
  for (const auto& [filter, expected] :
       std::initializer_list<std::pair<const char*, int>>{{"capabilities.board = \"Pi 5\"", 6},
                                                          {"capabilities.board : \"i\"", 12},
                                                          {"capabilities.board != \"Pi 5\"", 6},
                                                          {"capabilities.accelerators = cuda", 12},
                                                          {"capabilities.accelerators : d", 12},
                                                          {"capabilities.tensorrt = 8.6", 12},
                                                          {"capabilities.tensorrt != 8.6.0.0", 0},
                                                          {"capabilities.tensorrt < 8.6", 0},
                                                          {"capabilities.onnxruntime = 1.17", 12},
                                                          {"capabilities.onnxruntime = 1.22", 0},
                                                          {"capabilities.cudnn = 8", 0}}) {
    DeviceQuery query;
    query.filter = parse_filter(filter).value();
    const DevicePage page = run(devices.list(std::move(query))).value();
    EXPECT_EQ(page.items.size(), static_cast<std::size_t>(expected)) << filter;
    EXPECT_EQ(total(filter), expected) << filter;
  }
  EXPECT_EQ(wrong(), 0);
  database.exec("update devices set revoked_at = now() where id = 'cam-2'");
  database.exec("delete from devices where id = 'cam-4'");
  database.exec("update devices set capabilities = '{}' where id = 'cam-6'");
  EXPECT_EQ(wrong(), 0);
  EXPECT_EQ(total("capabilities.board = \"Pi 5\""), 3);
  const auto inventory = run(devices.inventory()).value();
  ASSERT_EQ(inventory.size(), 4U);
  EXPECT_EQ(inventory[0].name, "board");
  EXPECT_EQ(inventory[0].values.at(0).value, "Jetson Orin");
  EXPECT_EQ(inventory[0].values.at(0).devices, 6);
  EXPECT_EQ(inventory[0].different, 2);
  EXPECT_EQ(inventory[1].name, "accelerators");
}

TEST_F(FleetCountsTest, FoldingChangesNoTotalAndLeavesNothing) {
  add_fleet(12);
  const auto changes = database.value<int>("select count(*) from fleet_count_changes");
  EXPECT_EQ(run(devices.fold_counts()).value(), static_cast<std::size_t>(changes));
  EXPECT_EQ(database.value<int>("select count(*) from fleet_count_changes"), 0);
  EXPECT_EQ(total("labels.site = s1"), 4);
  EXPECT_EQ(wrong(), 0);
  database.exec("update device_models set digest = 'abc' where device_id < 'cam-3'");
  database.exec("update device_models set version = '1.1' where device_id = 'cam-1'");
  EXPECT_EQ(database.value<int>("select devices from fleet_totals where kind = 'file' and value = '1.1 abc'"), 1);
  EXPECT_EQ(wrong(), 0);
  database.exec("delete from devices");
  EXPECT_EQ(wrong(), 0);
  run(devices.fold_counts()).value();
  EXPECT_EQ(database.value<int>("select count(*) from fleet_counts"), 0);
}

TEST_F(FleetCountsTest, ARecountMendsWhatIsWrong) {
  add_fleet(12);
  EXPECT_EQ(run(devices.recount()).value(), 0U);
  database.exec("delete from fleet_count_changes where kind = 'presence' and value = 'online'");
  database.exec("insert into fleet_counts (kind, value, devices) values ('class', 'never', 3)");
  EXPECT_EQ(run(devices.recount()).value(), 2U);
  EXPECT_EQ(wrong(), 0);
}

TEST_F(FleetCountsTest, HoldWhateverHappensToDevices) {
  const auto seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  std::mt19937 random(seed);
  add_fleet(8);
  const std::vector<std::string> happenings{
      "update devices set revoked_at = now() where id = $",
      "update devices set revoked_at = null where id = $",
      "update devices set labels = labels || '{\"site\": \"s9\"}' where id = $",
      "update devices set labels = '{}', hardware_class = 'npu' where id = $",
      "update device_state set presence = 'late', agent_version = '1.1' where device_id = $",
      "update device_state set presence = 'online', last_seen_at = now() where device_id = $",
      "delete from device_state where device_id = $",
      "insert into device_state (device_id, presence) select id, 'never_seen' from devices where id = $ on conflict do "
      "nothing",
      "insert into device_models (device_id, model, version) select id, 'digits', '1.1' from devices where id = $ "
      "on conflict (device_id, model) do update set version = excluded.version",
      "insert into device_models (device_id, model) select id, 'letters' from devices where id = $ on conflict do "
      "nothing",
      "delete from device_models where device_id = $",
      "delete from devices where id = $",
      "insert into devices (id, hardware_class, labels) values ($, 'cpu', '{\"a\": \"b\"}') on conflict (id) do update "
      "set "
      "hardware_class = excluded.hardware_class, labels = excluded.labels, revoked_at = null"};
  for (int step = 0; step < 150; ++step) {
    std::string sql = happenings[random() % happenings.size()];
    const std::string device = "'cam-" + std::to_string(1 + random() % 8) + "'";
    sql.replace(sql.find('$'), 1, device);
    database.exec(sql);
    if (random() % 10 == 0) run(devices.fold_counts()).value();
    ASSERT_EQ(wrong(), 0) << "seed " << seed << ", step " << step << ": " << sql;
  }
}

}  // namespace
}  // namespace argosy::server
