#include <atomic>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include "common/base/random.hpp"
#include "server/access/permission.hpp"
#include "server/db/db_pool.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/telemetry/batch_collector.hpp"
#include "server/telemetry/telemetry_api.hpp"
#include "server/telemetry/telemetry_service.hpp"
#include "server/telemetry/telemetry_store.hpp"
#include "server/work/worker_pool.hpp"
#include "tests/support/fleet_rows.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/window_rows.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;
using test::batch;
using test::health;
using test::run_task;
using test::window;

const Instant now = parse_rfc3339("2026-03-01T12:00:00Z").value();

class Ingest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* device : {"cam-1", "cam-2", "cam-3"}) test::add_device(database, device);
    database.exec("update device_state set presence = 'online'");
    ASSERT_TRUE(run_task(io, telemetry.tick(now)));
    telemetry.add_listener([this](const std::vector<TakenWindow>& windows) { heard += windows.size(); });
  }

  TelemetryService::Acks ingest(std::vector<wire::TelemetryBatch> batches) {
    return run_task(io, telemetry.ingest(std::move(batches), now)).value();
  }
  std::int64_t stored() {
    return database.value<std::int64_t>(
        "select (select count(*) from telemetry_windows) + (select count(*) from health_samples)");
  }
  std::string speaking() {
    return database.value<std::string>(
        "select coalesce(string_agg(left(epoch, 4), ' '), '') from telemetry_cursors where speaks");
  }
  EpochIntegrity integrity(const std::string& device) {
    return run_task(io, telemetry.integrity(device)).value().at(0);
  }

  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 3}};
  TelemetryService telemetry{pool};
  QuarantineService quarantine{pool, {.server_version = "1.0", .folder = {}}};
  TelemetryIntake intake{quarantine};
  WorkerPool readers{io.get_executor(), {}};
  BatchCollector collector{io.get_executor(), {telemetry, intake, readers}, {}, {}, {.delay = Duration{0}}};
  std::size_t heard = 0;
};

TEST_F(Ingest, StoresWhatAWindowAndASampleSay) {
  auto content = window({.started_at = now - Duration{60'000}, .latency_ms = 12, .labelled = 10, .correct = 9});
  content.classes = {{3, 60}, {7, 40}};
  content.features = {{"sharpness", {0, 40, 60, 0}}};
  const auto acks = ingest({batch("cam-1", 1, content, health(now, 7.5))});
  EXPECT_EQ(acks.at(0).value(), (wire::TelemetryAck{test::epoch, 2}));
  const auto stored = test::stored_windows(database).at(0);
  EXPECT_EQ(stored.model, "digits");
  EXPECT_EQ(stored.version, "1.0");
  EXPECT_EQ(stored.ended_at - stored.started_at, Duration{60'000});
  EXPECT_EQ(stored.count, 100u);
  EXPECT_EQ(stored.labelled, 10u);
  EXPECT_EQ(stored.correct, 9u);
  EXPECT_EQ(stored.latency, LogHistogram::decode(content.latency).value());
  EXPECT_EQ(stored.features, content.features);
  EXPECT_EQ(stored.classes, content.classes);
  EXPECT_EQ(database.value<std::string>("select sample::text from health_samples"), R"({"cpu_percent": 7.5})");
  EXPECT_EQ(heard, 1u);
}

TEST_F(Ingest, StoresWhatAProgramReportsOfItsOwnAndNothingWhereItReportsNothing) {
  auto content = window({.started_at = now - Duration{60'000}});
  content.numbers = {{"queue_depth", {3, 4.5, 0, 3}}};
  content.confidences.add(0.75);
  content.entropy.add(0.5);
  content.tags["camera"].add("left");
  ingest({batch("cam-1", 1, content, window({.started_at = now}))});
  const auto stored = test::stored_windows(database);
  EXPECT_EQ(stored.at(0).numbers, content.numbers);
  EXPECT_EQ(stored.at(0).confidences, content.confidences);
  EXPECT_EQ(stored.at(0).entropy, content.entropy);
  EXPECT_EQ(stored.at(0).tags, content.tags);
  EXPECT_TRUE(stored.at(1).numbers.empty());
  EXPECT_EQ(stored.at(1).confidences.count(), 0u);
}

TEST_F(Ingest, UpdatesOnlyItsColumnsOfTheLatestState) {
  database.exec("update device_state set report = '{\"kept\": true}', presence = 'late' where device_id = 'cam-1'");
  ingest({batch("cam-1", 1, health(now - Duration{60'000}, 1), health(now, 2.5))});
  const auto row = database.exec(
      "select health::text, health_at = '2026-03-01T12:00:00Z', last_seen_at = "
      "'2026-03-01T12:00:00Z', report::text, presence from device_state where device_id = "
      "'cam-1'")[0];
  EXPECT_EQ(row[0].as<std::string>(), R"({"cpu_percent": 2.5})");
  EXPECT_TRUE(row[1].as<bool>());
  EXPECT_TRUE(row[2].as<bool>());
  EXPECT_EQ(row[3].as<std::string>(), R"({"kept": true})");
  EXPECT_EQ(row[4].as<std::string>(), "late");
  ingest({batch("cam-2", 1, window({.started_at = now}))});
  EXPECT_EQ(database.value<std::string>("select health::text from device_state where device_id = 'cam-2'"), "{}");
}

TEST_F(Ingest, WhileADeviceCatchesUpItsOldSamplesAreStoredButNotShown) {
  const auto shown = [&] {
    return database.value<std::string>("select health::text from device_state where device_id = 'cam-1'");
  };
  database.exec(
      "update device_state set report = '{\"health\": {\"cpu_percent\": 9}}', health = '{\"cpu_percent\": 9}', "
      "health_at = '2026-03-01T11:59:30Z' where device_id = 'cam-1'");
  ingest({batch("cam-1", 1, health(now - Duration{86'400'000}, 1), health(now - Duration{86'340'000}, 2))});
  EXPECT_EQ(stored(), 2);
  EXPECT_EQ(shown(), R"({"cpu_percent": 9})");
  database.exec("update device_state set report = '{}' where device_id = 'cam-1'");
  ingest({batch("cam-1", 3, health(now, 3))});
  EXPECT_EQ(shown(), R"({"cpu_percent": 3.0})");
}

TEST_F(Ingest, ARepeatStoresNothingAndIsAcknowledgedAgain) {
  const auto sent = batch("cam-1", 1, window({.started_at = now}), health(now, 1));
  ingest({sent});
  EXPECT_EQ(ingest({sent}).at(0).value().seq, 2u);
  EXPECT_EQ(ingest({sent, sent}).at(1).value().seq, 2u);
  EXPECT_EQ(stored(), 2);
  EXPECT_EQ(heard, 1u);
  EXPECT_EQ(integrity("cam-1").duplicates, 0u);
}

TEST_F(Ingest, AHoleIsAnsweredWithTheCursor) {
  ingest({batch("cam-1", 1, health(now, 1))});
  auto later = batch("cam-1", 4, health(now, 1));
  later.oldest = 2;
  EXPECT_EQ(ingest({later}).at(0).value().seq, 1u);
  EXPECT_EQ(stored(), 1);
}

TEST_F(Ingest, WhatTheDeviceDroppedIsCounted) {
  ingest({batch("cam-1", 1, health(now, 1))});
  EXPECT_EQ(ingest({batch("cam-1", 5, health(now, 1))}).at(0).value().seq, 5u);
  const auto epoch = integrity("cam-1");
  EXPECT_EQ(epoch.lost, 3u);
  EXPECT_EQ(epoch.gaps, 3u);
  EXPECT_EQ(epoch.stored, 2u);
  EXPECT_EQ(epoch.first_seq, 1u);
  EXPECT_EQ(epoch.last_seq, 5u);
}

TEST_F(Ingest, AnUnknownAndARevokedDeviceDoNotStopTheOthers) {
  database.exec("update devices set revoked_at = now() where id = 'cam-2'");
  const auto acks = ingest({batch("cam-2", 1, health(now, 1)), batch("cam-1", 1, health(now, 1)),
                            batch("stranger", 1, health(now, 1)), batch("cam-3", 1, health(now, 1))});
  EXPECT_EQ(acks.at(0).error().code, Errc::forbidden);
  EXPECT_EQ(acks.at(1).value().seq, 1u);
  EXPECT_NE(acks.at(2).error().message.find("\"stranger\" is unknown or revoked"), std::string::npos);
  EXPECT_EQ(acks.at(3).value().seq, 1u);
  EXPECT_EQ(ingest({batch("stranger", 1, health(now, 1))}).at(0).error().code, Errc::forbidden);
  EXPECT_EQ(stored(), 2);
  EXPECT_EQ(telemetry.counters().batches_refused, 3u);
}

TEST_F(Ingest, ABatchThatTheDatabaseRefusesDoesNotStopTheOthers) {
  database.exec(
      "create function refuse() returns trigger language plpgsql as $$ begin "
      "if new.device_id = 'cam-2' then raise exception 'poison' using errcode = '22000'; end if; "
      "return new; end $$");
  database.exec("create trigger refuse before insert on telemetry_windows for each row execute function refuse()");
  const auto acks =
      ingest({batch("cam-1", 1, window({.started_at = now})), batch("cam-2", 1, window({.started_at = now})),
              batch("cam-3", 1, window({.started_at = now}))});
  EXPECT_EQ(acks.at(0).value().seq, 1u);
  EXPECT_FALSE(acks.at(1));
  EXPECT_EQ(acks.at(2).value().seq, 1u);
  EXPECT_EQ(stored(), 2);
}

TEST_F(Ingest, AHistogramThatCannotBeReadDoesNotHoldUpTheOutbox) {
  auto broken = window({.started_at = now});
  broken.latency = {9, 9, 9};
  EXPECT_EQ(ingest({batch("cam-1", 1, broken)}).at(0).value().seq, 1u);
  EXPECT_TRUE(test::stored_windows(database).at(0).latency.empty());
  EXPECT_EQ(telemetry.counters().malformed_histograms, 1u);
}

TEST_F(Ingest, WindowsFromAnyYearAreStored) {
  ingest({batch("cam-1", 1, window({.started_at = instant_from_ms(0)}),
                window({.started_at = now + Duration{1'000'000'000'000}}), health(instant_from_ms(5), 1))});
  EXPECT_EQ(stored(), 3);
}

// As the outbox of an agent sends: links that follow from the record before, and from what the record says.
wire::TelemetryBatch chained(const std::string& device, std::uint64_t first, std::vector<double> cpu,
                             wire::ChainLink before = 1) {
  wire::TelemetryBatch sent{device, test::epoch, first, {}};
  sent.chain = {before};
  sent.since = first - 1;
  for (const double value : cpu) {
    sent.records.push_back({first++, health(now, value)});
    sent.chain.push_back(sent.chain.back() * 31 + static_cast<wire::ChainLink>(value));
  }
  return sent;
}

TEST_F(Ingest, ARestoredDisksRecordsAreAskedForUnderANewEpochAndStoredThere) {
  const auto image = chained("cam-1", 1, {1, 2, 3});
  ingest({image});
  const auto went_on = chained("cam-1", 4, {4, 5}, image.chain.back());
  ingest({went_on});
  const auto restored = chained("cam-1", 2, {2, 3, 14, 15, 16}, image.chain[1]);
  for (int times = 0; times < 3; ++times) {
    const auto ack = ingest({restored}).at(0).value();
    EXPECT_EQ(ack.seq, 3u) << "the first two are those that are stored";
    EXPECT_EQ(ack.link, image.chain[3]);
    EXPECT_EQ(ack.renew, (wire::ChainPoint{6, restored.chain.back()}));
  }
  EXPECT_EQ(stored(), 5);
  EXPECT_EQ(integrity("cam-1").forks, 1u);
  EXPECT_EQ(database.value<int>("select count(*) from events where kind = 'telemetry.forked'"), 1);
  auto filed_anew = chained("cam-1", 1, {14, 15, 16});
  filed_anew.epoch = "fedcba9876543210";
  EXPECT_FALSE(ingest({filed_anew}).at(0).value().renew);
  EXPECT_EQ(stored(), 8);
}

TEST_F(Ingest, ADeviceThatBeginsEpochsWithoutEndWaits) {
  const auto of_epoch = [](int number) {
    auto sent = batch("cam-1", 1, health(now, number));
    sent.epoch = "00000000000000" + std::to_string(10 + number);
    return sent;
  };
  for (int i = 0; i < 32; ++i) ASSERT_TRUE(ingest({of_epoch(i)}).at(0));
  const auto acks = ingest({of_epoch(32), batch("cam-2", 1, health(now, 1)), of_epoch(0)});
  EXPECT_EQ(acks.at(0).error().code, Errc::unavailable);
  EXPECT_TRUE(acks.at(1) && acks.at(2)) << "and keeps nobody waiting";
  database.exec("update telemetry_cursors set received_at = '2026-02-01T00:00:00Z' where epoch = '0000000000000013'");
  EXPECT_TRUE(ingest({of_epoch(32)}).at(0)) << "one that is long gone makes room";
  EXPECT_EQ(database.value<int>("select count(*) from telemetry_cursors where device_id = 'cam-1'"), 32);
}

TEST_F(Ingest, AForkIsSeenWithinOneTransactionToo) {
  const auto image = chained("cam-1", 1, {1, 2});
  const auto acks =
      ingest({image, chained("cam-1", 3, {3, 4}, image.chain.back()), chained("cam-1", 2, {2, 13}, image.chain[1])});
  EXPECT_EQ(acks.at(2).value().seq, 2u);
  EXPECT_TRUE(acks.at(2).value().renew);
  EXPECT_EQ(stored(), 4);
}

TEST_F(Ingest, TwoAgentsWithOneIdentityAreNamedAndARestoredDiskIsNot) {
  const auto events = [&] {
    return database.value<int>("select count(*) from events where kind = 'device.identity_shared'");
  };
  auto one = chained("cam-1", 1, {1, 2});
  auto other = chained("cam-1", 1, {11, 12});
  other.epoch = "fedcba9876543210";
  ingest({one});
  ingest({other});
  EXPECT_EQ(events(), 0) << "a disk was restored";
  for (int turn = 0; turn < 3; ++turn) {
    one = chained("cam-1", one.records.back().seq + 1, {3}, one.chain.back());
    ingest({one});
    other = chained("cam-1", other.records.back().seq + 1, {13}, other.chain.back());
    other.epoch = "fedcba9876543210";
    ingest({other});
  }
  EXPECT_EQ(events(), 1);
  EXPECT_GE(database.value<int>("select returns from telemetry_speakers where device_id = 'cam-1'"), 2);
}

TEST_F(Ingest, AWrongClockIsPutRightAndTheDevicesOwnTimeIsKept) {
  const auto two_hours = Duration{7'200'000};
  auto sent = batch("cam-1", 1, window({.started_at = now + two_hours - Duration{60'000}}), health(now + two_hours, 1));
  sent.sent_at = now + two_hours;
  ingest({sent, batch("cam-2", 1, window({.started_at = now - Duration{60'000}}), health(instant_from_ms(5), 2))});
  const auto of = [&](const std::string& column, const std::string& table, const std::string& device) {
    return database.value<std::string>("select coalesce(to_char(" + column +
                                       " at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), '-') from " + table +
                                       " where device_id = '" + device + "'");
  };
  EXPECT_EQ(of("started_at", "telemetry_windows", "cam-1"), "2026-03-01 11:59");
  const auto windows = test::stored_windows(database);
  EXPECT_EQ(windows.at(0).ended_at, now);
  EXPECT_EQ(windows.at(0).device_started_at, now + two_hours - Duration{60'000});
  EXPECT_EQ(windows.at(0).received_at, now);
  EXPECT_EQ(of("at", "health_samples", "cam-1"), "2026-03-01 12:00");
  EXPECT_EQ(of("health_at", "device_state", "cam-1"), "2026-03-01 12:00");
  EXPECT_EQ(windows.at(1).device_started_at, std::nullopt);
  EXPECT_EQ(of("at", "health_samples", "cam-2"), "2026-03-01 12:00");
  EXPECT_EQ(of("device_at", "health_samples", "cam-2"), "1970-01-01 00:00");
}

// Two instances get the same batches, connections are cut at random, and devices send again until acknowledged.
TEST_F(Ingest, IsExactlyOnceOverTwoInstancesAndCutConnections) {
  DbPool other_pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 2}};
  TelemetryService other{other_pool};
  Rng rng(5);
  const std::vector<std::string> devices{"cam-1", "cam-2", "cam-3"};
  constexpr std::uint64_t last = 60;
  std::map<std::string, std::uint64_t> acknowledged;
  int cuts = 0;
  for (int round = 0; round < 400; ++round) {
    std::vector<wire::TelemetryBatch> batches;
    for (const auto& device : devices) {
      const auto first = acknowledged[device] + 1;
      if (first > last) continue;
      wire::TelemetryBatch sent{device, test::epoch, first, {}};
      for (auto seq = first; seq <= std::min(last, first + rng.below(8)); ++seq)
        sent.records.push_back({seq, health(now, 1)});
      batches.push_back(std::move(sent));
    }
    if (batches.empty()) break;
    int answers = 0;
    const auto take = [&](std::exception_ptr, Result<TelemetryService::Acks> acks) {
      ++answers;
      if (!acks) return;
      for (std::size_t i = 0; i < acks->size(); ++i) {
        // An ack is lost now and then.
        if ((*acks)[i] && rng.chance(0.8)) {
          auto& cursor = acknowledged[batches[i].device];
          cursor = std::max(cursor, (*acks)[i]->seq);
        }
      }
    };
    boost::asio::co_spawn(io, telemetry.ingest(batches, now), take);
    boost::asio::co_spawn(io, other.ingest(batches, now), take);
    if (rng.chance(0.2)) cuts += database.disconnect_others();
    ASSERT_TRUE(test::run_until(io, [&] { return answers == 2; }));
  }
  EXPECT_GT(cuts, 0);
  for (const auto& device : devices) {
    const auto epoch = integrity(device);
    EXPECT_EQ(epoch.stored, last) << device;
    EXPECT_EQ(epoch.duplicates, 0u) << device;
    EXPECT_EQ(epoch.gaps, 0u) << device;
    EXPECT_EQ(epoch.lost, 0u) << device;
  }
}

TEST_F(Ingest, OverHttpsADeviceSpeaksOnlyForItself) {
  Router router;
  add_device_telemetry_routes(router, collector);
  const auto post = [&](const std::string& certificate, const wire::TelemetryBatch& sent) {
    Request request;
    request.method = Method::post;
    request.path = "/device/v1/telemetry";
    const auto bytes = wire::encode(sent);
    request.body = std::string(as_text(bytes));
    request.principal.kind = Principal::Kind::device;
    request.principal.name = certificate;
    request.now = now;
    const auto match = router.match(Method::post, request.path);
    EXPECT_EQ(match.route->permission, Permission::act_as_device);
    return run_task(io, match.route->handler(request));
  };
  const auto good = post("cam-1", batch("cam-1", 1, health(wall_clock_now(), 1)));
  ASSERT_TRUE(good);
  EXPECT_EQ(std::get<std::string>(good->body), R"({"epoch":"0123456789abcdef","seq":1})");
  EXPECT_EQ(post("cam-2", batch("cam-1", 2, health(now, 1))).error().code, Errc::forbidden);
  EXPECT_EQ(post("stranger", batch("stranger", 1, health(now, 1))).error().code, Errc::forbidden);
  EXPECT_EQ(stored(), 1);
}

TEST_F(Ingest, OverHttpsMoreThanCanBeStoredAtOnceAreAskedToComeAgain) {
  constexpr std::size_t most = 64;
  Router router;
  add_device_telemetry_routes(router, collector);
  const Route& route = *router.match(Method::post, "/device/v1/telemetry").route;
  const auto bytes = wire::encode(batch("cam-1", 1, health(wall_clock_now(), 1)));
  std::vector<Request> requests(most + 1);
  std::size_t stored_or_repeated = 0, asked_to_wait = 0;
  for (Request& request : requests) {
    request.body = std::string(as_text(bytes));
    request.principal.kind = Principal::Kind::device;
    request.principal.name = "cam-1";
    request.now = now;
    boost::asio::co_spawn(io, route.handler(request), [&](std::exception_ptr failed, Result<Response> response) {
      ASSERT_FALSE(failed);
      if (response) ++stored_or_repeated;
      if (!response && response.error().code == Errc::rate_limited) ++asked_to_wait;
    });
  }
  ASSERT_TRUE(test::run_until(io, [&] { return stored_or_repeated + asked_to_wait == requests.size(); }));
  EXPECT_EQ(asked_to_wait, 1u);
  requests.front().body = std::string(as_text(bytes));
  EXPECT_TRUE(run_task(io, route.handler(requests.front())));
  EXPECT_EQ(stored(), 1);
}

TEST_F(Ingest, WhatIsKnownOfAnOutboxIsBelievedOnlyAsLongAsItIsTrue) {
  TelemetryService other{pool};
  const auto store = [&](TelemetryService& by, const wire::TelemetryBatch& sent) {
    return run_task(io, by.ingest({sent}, now)).value().at(0);
  };
  EXPECT_EQ(store(telemetry, batch("cam-1", 1, health(now, 1))).value().seq, 1u);
  EXPECT_EQ(store(other, batch("cam-1", 2, health(now, 1))).value().seq, 2u);
  EXPECT_EQ(store(telemetry, batch("cam-1", 2, health(now, 1))).value().seq, 2u) << "known to be at 1, and is a repeat";
  EXPECT_EQ(store(telemetry, batch("cam-1", 3, health(now, 1))).value().seq, 3u);
  EXPECT_EQ(stored(), 3);
  database.exec("update devices set revoked_at = now() where id = 'cam-1'");
  EXPECT_EQ(store(telemetry, batch("cam-1", 4, health(now, 1))).error().code, Errc::forbidden);
  EXPECT_EQ(stored(), 3);
}

TEST_F(Ingest, AnOutboxThatAnotherInstanceHeardReplacedIsNoticedWhenItComesBack) {
  TelemetryService other{pool};
  auto second = batch("cam-1", 1, health(now, 1));
  second.epoch = "fedcba9876543210";
  for (const std::uint64_t seq : {1, 2}) ingest({batch("cam-1", seq, health(now, 1))});
  run_task(io, other.ingest({second}, now));
  ingest({batch("cam-1", 3, health(now, 1))});
  EXPECT_EQ(database.value<int>("select returns from telemetry_speakers where device_id = 'cam-1'"), 1);
}

TEST_F(Ingest, OfADevicesOutboxesOnlyTheOneThatSpeaksMovesUnasked) {
  auto second = batch("cam-1", 1, health(now, 1));
  second.epoch = "fedcba9876543210";
  ingest({batch("cam-1", 1, health(now, 1))});
  EXPECT_EQ(speaking(), "") << "whoever silenced it meanwhile would not have seen it";
  ingest({batch("cam-1", 2, health(now, 1))});
  EXPECT_EQ(speaking(), "0123");
  ingest({second});
  EXPECT_EQ(speaking(), "");
  second.records.front().seq = 2;
  ingest({second});
  EXPECT_EQ(speaking(), "fedc");
  database.exec("update devices set revoked_at = now() where id = 'cam-1'");
  EXPECT_EQ(speaking(), "");
  database.exec("update devices set revoked_at = null where id = 'cam-1'");
  for (const std::uint64_t seq : {3, 4}) {
    second.records.front().seq = seq;
    EXPECT_EQ(ingest({second}).at(0).value().seq, seq);
  }
  EXPECT_EQ(speaking(), "fedc");
}

// A batch that is being stored has found the device enrolled and lets its outbox speak from now on.
TEST_F(Ingest, ARevocationWaitsForTheBatchThatIsBeingStored) {
  ingest({batch("cam-1", 1, health(now, 1))});
  pqxx::work storing(database.connection());
  const auto second = std::make_shared<const wire::TelemetryBatch>(batch("cam-1", 2, health(now, 1)));
  ASSERT_TRUE((StoreTelemetry{{second}, now, std::chrono::days(30)}(storing)));
  std::atomic<bool> is_revoked = false;
  std::thread revoking([this, &is_revoked] {
    pqxx::connection connection(database.conninfo());
    pqxx::work revocation(connection);
    revocation.exec("update devices set revoked_at = now() where id = 'cam-1'");
    revocation.commit();
    is_revoked = true;
  });
  pqxx::connection connection(database.conninfo());
  pqxx::nontransaction watching(connection);
  const auto waits = [&watching] {
    return !watching
                .exec("select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")
                .empty();
  };
  while (!is_revoked && !waits()) std::this_thread::yield();
  storing.commit();
  revoking.join();
  EXPECT_EQ(ingest({batch("cam-1", 3, health(now, 1))}).at(0).error().code, Errc::forbidden);
  EXPECT_FALSE(watching.exec1("select bool_or(speaks) from telemetry_cursors")[0].as<bool>());
}

TEST_F(Ingest, TheUsualBatchOfADeviceThatIsOnlineMovesItsCursorAlone) {
  const auto is_seen = [&](const std::string& column, const std::string& table, Instant at) {
    return database.value<bool>("select " + column + " = '" + to_rfc3339(at) + "' from " + table +
                                " where device_id = 'cam-1'");
  };
  const auto send = [&](std::uint64_t seq, Instant at) {
    const auto acks = run_task(io, telemetry.ingest({batch("cam-1", seq, window({.started_at = now}))}, at));
    EXPECT_EQ(acks.value().at(0).value().seq, seq);
  };
  send(1, now);
  send(2, now + 1s);  // which lets it speak
  send(3, now + 60s);
  EXPECT_TRUE(is_seen("last_seen_at", "device_state", now + 1s));
  EXPECT_TRUE(is_seen("received_at", "telemetry_cursors", now + 60s));

  database.exec("update device_state set presence = 'late'; delete from presence_checks");
  EXPECT_EQ(speaking(), "");
  send(4, now + 120s);
  EXPECT_TRUE(is_seen("last_seen_at", "device_state", now + 120s));
  EXPECT_TRUE(is_seen("check_at", "presence_checks", now + 120s)) << "it is to be called online soon";
  EXPECT_EQ(speaking(), "") << "until it is";
  database.exec("update device_state set presence = 'online' where device_id = 'cam-1'");
  send(5, now + 121s);
  EXPECT_EQ(speaking(), "0123");
}

TEST_F(Ingest, IntegrityOfAnUnknownDeviceIsNotFound) {
  EXPECT_EQ(run_task(io, telemetry.integrity("nobody")).error().code, Errc::not_found);
  EXPECT_TRUE(run_task(io, telemetry.integrity("cam-1")).value().empty());
}

}  // namespace
}  // namespace argosy::server
