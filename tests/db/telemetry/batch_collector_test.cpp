#include "server/telemetry/batch_collector.hpp"

#include <map>

#include <gtest/gtest.h>

#include "server/db/db_pool.hpp"
#include "tests/support/fleet_rows.hpp"
#include "tests/support/run_task.hpp"

namespace argosy::server {
namespace {

using test::batch;
using test::health;

class Collector : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 50; ++i) test::add_device(database, "cam-" + std::to_string(i));
    ASSERT_TRUE(test::run_task(io, telemetry->tick(now)));
  }
  BatchCollector collector(CollectorOptions options = {}) {
    return BatchCollector(
        io.get_executor(), *telemetry,
        [this](const std::string& device, const wire::TelemetryAck& ack) { acks[device] = ack.seq; },
        [this](const std::string& device, const Error& error) { refusals[device] = error.message; }, options);
  }
  static std::string payload(const wire::TelemetryBatch& sent) { return std::string(as_text(wire::encode(sent))); }

  const Instant now = wall_clock_now();
  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 1}};
  std::unique_ptr<TelemetryService> telemetry = create_telemetry_service(pool);
  std::map<std::string, std::uint64_t> acks;
  std::map<std::string, std::string> refusals;
};

TEST_F(Collector, StoresManyDevicesTogetherAndAcknowledgesEach) {
  auto gathered = collector();
  const auto before = database.value<std::int64_t>("select count(distinct xmin::text) from telemetry_cursors");
  for (int i = 0; i < 50; ++i) {
    const auto device = "cam-" + std::to_string(i);
    EXPECT_TRUE(gathered.take(device, payload(batch(device, 1, health(now, 1), health(now, 2)))));
  }
  ASSERT_TRUE(test::run_until(io, [&] { return acks.size() == 50; }));
  EXPECT_EQ(acks["cam-7"], 2u);
  EXPECT_EQ(database.value<std::int64_t>("select count(*) from health_samples"), 100);
  EXPECT_EQ(database.value<std::int64_t>("select count(distinct xmin::text) from telemetry_cursors") - before, 1);
  EXPECT_TRUE(test::run_until(io, [&] { return gathered.idle(); }));
}

TEST_F(Collector, RefusesWhatIsMalformedOrInAnothersName) {
  auto gathered = collector();
  EXPECT_EQ(gathered.take("cam-1", "nonsense").error().code, Errc::malformed_cbor);
  EXPECT_EQ(gathered.take("cam-1", payload(batch("cam-2", 1, health(now, 1)))).error().code, Errc::forbidden);
  EXPECT_EQ(gathered.counters().malformed, 2u);
  EXPECT_TRUE(gathered.take("stranger", payload(batch("stranger", 1, health(now, 1)))));
  ASSERT_TRUE(test::run_until(io, [&] { return refusals.contains("stranger"); }));
  EXPECT_TRUE(acks.empty());
}

TEST_F(Collector, DropsAndCountsOverItsLimit) {
  auto gathered = collector({.rows = 1000, .delay = Duration{50}, .waiting_rows_limit = 2});
  EXPECT_TRUE(gathered.take("cam-1", payload(batch("cam-1", 1, health(now, 1), health(now, 1)))));
  EXPECT_EQ(gathered.take("cam-2", payload(batch("cam-2", 1, health(now, 1)))).error().code, Errc::unavailable);
  EXPECT_EQ(gathered.counters().dropped, 1u);
  ASSERT_TRUE(test::run_until(io, [&] { return acks.contains("cam-1"); }));
  EXPECT_TRUE(gathered.take("cam-2", payload(batch("cam-2", 1, health(now, 1)))));
  ASSERT_TRUE(test::run_until(io, [&] { return acks.contains("cam-2"); }));
}

TEST_F(Collector, ManyMoreRowsThanFitOneTransactionAllArrive) {
  auto gathered = collector({.rows = 30, .delay = Duration{10}});
  for (int i = 0; i < 50; ++i) {
    const auto device = "cam-" + std::to_string(i);
    ASSERT_TRUE(gathered.take(device, payload(batch(device, 1, health(now, 1), health(now, 2), health(now, 3)))));
  }
  ASSERT_TRUE(test::run_until(io, [&] { return acks.size() == 50; }));
  EXPECT_EQ(database.value<std::int64_t>("select count(*) from health_samples"), 150);
}

}  // namespace
}  // namespace argosy::server
