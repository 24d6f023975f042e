// Windows that an earlier version stored are read as they were.
#include <algorithm>

#include <gtest/gtest.h>

#include "server/db/migrations.hpp"
#include "tests/support/window_rows.hpp"

namespace argosy::server {
namespace {

const Instant begun = parse_rfc3339("2026-03-01T12:00:00Z").value();

TakenWindow full_window() {
  TakenWindow window{.device = "cam-1", .model = "digits", .version = "1.0", .started_at = begun};
  window.ended_at = begun + Duration{60'250};
  window.count = 300;
  window.errors = 2;
  window.labelled = 200;
  window.correct = 199;
  window.latency.add(10, 299);
  window.latency.add(2000);
  window.features = {{"sharpness", {0, 40, 260, 70'000}}, {"Helligkeit \xC3\xA4", {1}}};
  window.classes = {{-3, 1}, {0, 120}, {900, 179}};
  window.numbers["queue_depth"].add(4);
  window.confidences.add(0.9);
  window.received_at = window.ended_at + Duration{250};
  window.device_started_at = begun - Duration{7'200'000};
  return window;
}

std::string bytea(const Bytes& bytes) {
  return "decode('" + to_hex(bytes) + "', 'hex')";
}

TEST(WindowMigration, KeepsAllOfAWindow) {
  test::TestDatabase database(test::TestDatabase::Schema::empty);
  const auto all = built_in_migrations();
  const auto at = std::find_if(all.begin(), all.end(), [](const Migration& one) { return one.name >= "0032"; });
  ASSERT_TRUE(migrate(database.conninfo(), {all.begin(), at}));
  const auto full = full_window();
  database.exec("create table inference_windows_default partition of inference_windows default");
  database.exec(
      "insert into inference_windows (device_id, epoch, seq, started_at, ended_at, model, version, count, errors, "
      "labelled, "
      "correct, latency, features, classes, link, received_at, device_started_at, numbers, confidences) values "
      "('cam-1', 'fedcba9876543210', 7, '2026-03-01T12:00:00Z', '2026-03-01T12:01:00.250Z', 'digits', '1.0', 300, 2, "
      "200, 199, " +
      bytea(full.latency.encode()) +
      ", '[{\"name\": \"sharpness\", \"counts\": [0, 40, 260, 70000]}, {\"name\": \"Helligkeit \xC3\xA4\", \"counts\": "
      "[1]}]', "
      "'{\"-3\": 1, \"0\": 120, \"900\": 179}', -5, '2026-03-01T12:01:00.500Z', '2026-03-01T10:00:00Z', " +
      bytea(encode(full.numbers)) + ", " + bytea(encode(full.confidences)) +
      "), ('cam-2', '0123456789abcdef', 8, '2026-03-01T12:00:00Z', '2026-03-01T12:00:00Z', 'digits', '1.0', 0, 0, 0, "
      "0, " +
      bytea(LogHistogram{}.encode()) + ", '[]', '[]', null, null, null, null, null)");
  ASSERT_TRUE(migrate(database.conninfo(), all));
  const auto windows = test::stored_windows(database);
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_EQ(windows[0], full);
  TakenWindow empty{.device = "cam-2", .model = "digits", .version = "1.0", .started_at = begun};
  empty.ended_at = empty.received_at = begun;
  EXPECT_EQ(windows[1], empty);
  const auto row = database.exec("select seq, to_hex(epoch), link from telemetry_unpacked order by seq")[0];
  EXPECT_EQ(row[0].as<int>(), 7);
  EXPECT_EQ(row[1].as<std::string>(), "fedcba9876543210");
  EXPECT_EQ(row[2].as<int>(), -5);
}

}  // namespace
}  // namespace argosy::server
