#include "server/telemetry/batch_collector.hpp"

#include <map>
#include <stdexcept>

#include <gtest/gtest.h>

#include "server/db/db_pool.hpp"
#include "server/work/worker_pool.hpp"
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
    ASSERT_TRUE(test::run_task(io, telemetry.tick(now)));
  }
  BatchCollector collector(CollectorOptions options = {}) {
    return BatchCollector(
        io.get_executor(), {telemetry, intake, readers},
        [this](const std::string& device, const wire::TelemetryAck& ack) { acks[device] = ack.seq; },
        [this](const MessageId& message, const Error& error) { refusals[message.device] = error.message; }, options);
  }
  static std::string payload(const wire::TelemetryBatch& sent) { return std::string(as_text(wire::encode(sent))); }

  const Instant now = wall_clock_now();
  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 1}};
  TelemetryService telemetry{pool};
  QuarantineService quarantine{pool, {.server_version = "1.0", .folder = {}}};
  TelemetryIntake intake{quarantine, {.pairs = 3}};
  WorkerPool readers{io.get_executor(), {}};
  std::map<std::string, std::uint64_t> acks;
  std::map<std::string, std::string> refusals;
};

TEST_F(Collector, StoresManyDevicesTogetherAndAcknowledgesEach) {
  auto gathered = collector({.lanes = 1});
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

TEST_F(Collector, RefusesWhatIsMalformedOrInAnothersNameAndPassesItOverThereafter) {
  auto gathered = collector();
  EXPECT_TRUE(gathered.take("cam-1", "nonsense"));
  EXPECT_TRUE(gathered.take("cam-2", payload(batch("cam-3", 1, health(now, 1)))));
  EXPECT_TRUE(gathered.take("stranger", payload(batch("stranger", 1, health(now, 1)))));
  EXPECT_TRUE(gathered.take("cam-4", payload(batch("cam-4", 1, health(now, 1)))));
  ASSERT_TRUE(test::run_until(io, [&] { return acks.contains("cam-4") && refusals.contains("stranger"); }));
  EXPECT_EQ(gathered.counters().malformed, 2u);
  EXPECT_NE(refusals["cam-2"].find("in the name of another device"), std::string::npos);
  EXPECT_EQ(acks.size(), 1u);
  EXPECT_TRUE(gathered.take("cam-1", "nonsense"));
  EXPECT_TRUE(gathered.idle() || gathered.counters().waiting_bytes == 0);
  EXPECT_EQ(quarantine.counters().in_quarantine, 2u);  // a stranger has no place there
  EXPECT_EQ(quarantine.counters().passed_over, 1u);
}

TEST_F(Collector, ABatchThatTheDatabaseRefusesIsTriedAgainWhenItChangesAlone) {
  database.exec(
      "create function refuse() returns trigger language plpgsql as $$ begin "
      "if new.device_id = 'cam-2' and new.seq = 1 then raise exception 'poison' using errcode = '22000'; end if; "
      "return new; end $$");
  database.exec("create trigger refuse before insert on health_samples for each row execute function refuse()");
  auto gathered = collector();
  for (int i = 0; i < 50; ++i) {
    const auto device = "cam-" + std::to_string(i);
    EXPECT_TRUE(gathered.take(device, payload(batch(device, 1, health(now, 1)))));
  }
  ASSERT_TRUE(test::run_until(io, [&] { return acks.size() == 49 && refusals.contains("cam-2"); }));
  EXPECT_EQ(
      quarantine.admit(TelemetryIntake::id_of("cam-2", payload(batch("cam-2", 1, health(now, 1)))), now).admission,
      Admittance::refuse);
  auto changed = batch("cam-2", 2, health(now, 2));
  changed.oldest = 2;
  EXPECT_TRUE(gathered.take("cam-2", payload(changed)));
  ASSERT_TRUE(test::run_until(io, [&] { return acks.contains("cam-2"); }));
  EXPECT_EQ(quarantine.counters().in_quarantine, 0u);
}

TEST_F(Collector, InventedVersionsAreRefusedAndTold) {
  auto gathered = collector();
  for (const char* version : {"1.0", "1.1", "1.2", "1.3"}) {
    gathered.take("cam-1", payload(batch("cam-1", 1, test::window({.started_at = now, .version = version}))));
    ASSERT_TRUE(test::run_until(io, [&] { return gathered.idle(); }));
  }
  EXPECT_NE(refusals["cam-1"].find("versions of models within a day"), std::string::npos);
  EXPECT_EQ(database.value<int>("select count(distinct version) from telemetry_windows"), 1);  // the others are repeats
  EXPECT_EQ(quarantine.counters().in_quarantine, 2u);
}

TEST_F(Collector, DropsAndCountsOverItsLimitAndOverADevicesShare) {
  const auto one = payload(batch("cam-1", 1, health(now, 1)));
  auto gathered =
      collector({.delay = Duration{50}, .waiting_bytes_limit = 3 * one.size(), .device_bytes_limit = 2 * one.size()});
  EXPECT_TRUE(gathered.take("cam-1", one));
  EXPECT_TRUE(gathered.take("cam-1", one));
  EXPECT_EQ(gathered.take("cam-1", one).error().code, Errc::unavailable);  // its share
  EXPECT_TRUE(gathered.take("cam-2", payload(batch("cam-2", 1, health(now, 1)))));
  EXPECT_EQ(gathered.take("cam-3", payload(batch("cam-3", 1, health(now, 1)))).error().code, Errc::unavailable);
  EXPECT_EQ(gathered.counters().dropped, 2u);
  ASSERT_TRUE(test::run_until(io, [&] { return acks.contains("cam-1") && acks.contains("cam-2"); }));
  EXPECT_EQ(gathered.counters().waiting_bytes, 0u);
  EXPECT_TRUE(gathered.take("cam-3", payload(batch("cam-3", 1, health(now, 1)))));
  ASSERT_TRUE(test::run_until(io, [&] { return acks.contains("cam-3"); }));
}

TEST_F(Collector, NothingIsBlamedWhenTheDatabaseIsAway) {
  DbPool away{io.get_executor(), {.conninfo = "host=127.0.0.1 port=1 dbname=none", .threads = 1}};
  TelemetryService unreachable{away};
  BatchCollector gathered(
      io.get_executor(), {unreachable, intake, readers}, [](const std::string&, const wire::TelemetryAck&) {},
      [](const MessageId& message, const Error& why) { ADD_FAILURE() << message.device << ": " << why.message; });
  for (const char* device : {"cam-1", "cam-2"}) gathered.take(device, payload(batch(device, 1, health(now, 1))));
  ASSERT_TRUE(test::run_until(io, [&] { return gathered.counters().failed == 2; }));
  EXPECT_EQ(quarantine.counters().refused, 0u);
}

TEST_F(Collector, ManyMoreRowsThanFitOneTransactionAllArrive) {
  auto gathered = collector({.most_bytes = 1000, .delay = Duration{10}});
  for (int i = 0; i < 50; ++i) {
    const auto device = "cam-" + std::to_string(i);
    ASSERT_TRUE(gathered.take(device, payload(batch(device, 1, health(now, 1), health(now, 2), health(now, 3)))));
  }
  ASSERT_TRUE(test::run_until(io, [&] { return acks.size() == 50; }));
  EXPECT_EQ(database.value<std::int64_t>("select count(*) from health_samples"), 150);
}

TEST_F(Collector, EndsWhenWhatIsBeingStoredHasBeen) {
  auto gathered = collector({.delay = Duration{0}});
  EXPECT_TRUE(gathered.take("cam-1", payload(batch("cam-1", 1, health(now, 1)))));
  ASSERT_TRUE(test::run_until(io, [&] { return gathered.counters().waiting_bytes == 0; }));
  test::run_task(io, gathered.stop());
  EXPECT_EQ(acks["cam-1"], 1u);
  EXPECT_TRUE(gathered.idle());
}

TEST_F(Collector, GoesOnAfterAFaultOnTheWay) {
  BatchCollector gathered(
      io.get_executor(), {telemetry, intake, readers},
      [this](const std::string& device, const wire::TelemetryAck& ack) { acks[device] = ack.seq; },
      [](const MessageId&, const Error&) { throw std::runtime_error("nobody can be told"); }, {.delay = Duration{0}});
  EXPECT_TRUE(gathered.take("cam-1", "nonsense"));
  ASSERT_TRUE(test::run_until(io, [&] { return gathered.counters().malformed == 1 && gathered.idle(); }));
  EXPECT_TRUE(gathered.take("cam-2", payload(batch("cam-2", 1, health(now, 1)))));
  EXPECT_TRUE(test::run_until(io, [&] { return acks.contains("cam-2"); }));
}

}  // namespace
}  // namespace argosy::server
