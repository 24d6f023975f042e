// Alerts judged from memory: what is remembered may be lost at any point, by a server that dies, by a transaction that
// is cut off, by too little room. What is there in the end is what would be there undisturbed, told once.
#include <map>
#include <optional>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "server/alerts/alert_service.hpp"
#include "server/db/db_pool.hpp"
#include "server/db/fence.hpp"
#include "server/telemetry/telemetry_service.hpp"
#include "server/telemetry/telemetry_store.hpp"
#include "server/telemetry/window_news_service.hpp"
#include "tests/support/fleet_rows.hpp"
#include "tests/support/postgres_wire.hpp"
#include "tests/support/run_task.hpp"

namespace argosy::server {
namespace {

using test::run_task;
using Cut = test::PostgresWire::Cut;
using Steps = test::PostgresWire::Steps;

constexpr Duration a_minute{60'000};

class JudgingMemory : public ::testing::Test {
 protected:
  void SetUp() override {
    test::add_release(database, "digits", "1.0", "{}", R"({"metric": "accuracy", "threshold": 0.94})");
    telemetry.add_listener([this](const std::vector<TakenWindow>& windows) {
      if (alerts && hears) alerts->take(windows, clock);
    });
    ASSERT_TRUE(run_task(io, telemetry.tick(clock)));
    options.rules.latency.baseline_windows = 3;
    options.rules.latency.close_after = 2;
    options.watch.budget = test::task_deadline;
    options.releases_every = std::chrono::hours(24);
    restart();
  }
  // What was remembered is lost, as when the server dies.
  void restart() { alerts.emplace(*judging, options); }
  void add_device(const std::string& device) {
    test::add_device(database, device);
    database.exec("insert into device_models (device_id, model, version) values ('" + device + "', 'digits', '1.0')");
  }
  // A window of each of the devices, stored together.
  void send(const std::map<std::string, test::WindowOf>& windows) {
    clock += a_minute;
    std::vector<wire::TelemetryBatch> batches;
    for (auto [device, of] : windows) {
      of.started_at = clock - a_minute;
      batches.push_back(test::batch(device, ++next_seq[device], test::window(of)));
    }
    ASSERT_TRUE(run_task(io, telemetry.ingest(batches, clock)));
  }
  Result<std::size_t> tick() { return run_task(io, alerts->tick(clock += Duration{2000})); }
  void feed(const std::string& device, std::vector<double> latencies) {
    for (const double latency_ms : latencies) {
      send({{device, {.latency_ms = latency_ms}}});
      ASSERT_TRUE(tick());
    }
  }
  std::string told(const std::string& device) {
    return database.value<std::string>(
        "select coalesce(string_agg(kind || ' ' || (details ->> 'rule'), ', ' order by id), '') from events where "
        "device_id = '" +
        device + "'");
  }
  std::string open(const std::string& device) {
    return database.value<std::string>(
        "select coalesce(string_agg(rule || ' ' || state, ', ' order by rule), '') from alerts where state <> "
        "'resolved' and device_id = '" +
        device + "'");
  }
  std::uint64_t statements_of_a_tick() {
    const auto before = pool.counters().transactions;
    EXPECT_TRUE(tick());
    return pool.counters().transactions - before;
  }

  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 1}};
  DbPool* judging = &pool;
  TelemetryService telemetry{pool};
  AlertOptions options;
  std::optional<AlertService> alerts;
  bool hears = true;
  std::map<std::string, std::uint64_t> next_seq;
  Instant clock = parse_rfc3339("2026-03-01T12:00:00Z").value();
};

TEST_F(JudgingMemory, WhatIsHeardIsJudgedWithoutAStatement) {
  std::map<std::string, test::WindowOf> windows;
  for (int i = 0; i < 20; ++i) {
    add_device("cam-" + std::to_string(i));
    windows["cam-" + std::to_string(i)] = {.latency_ms = 10, .labelled = 20, .correct = 20};
  }
  for (int i = 0; i < 4; ++i) {
    send(windows);
    ASSERT_TRUE(tick());
  }
  const auto asked = alerts->watch_figures(clock).asked;
  ASSERT_TRUE(tick());
  clock += Duration{700'000};  // whoever is to be written is written
  send(windows);
  ASSERT_TRUE(tick());
  EXPECT_GE(alerts->watch_figures(clock).written, 20u);
  for (int i = 0; i < 5; ++i) {
    send(windows);
    EXPECT_EQ(statements_of_a_tick(), 4u) << "for changes of presence and drift, shared identities, rollouts and lives";
  }
  EXPECT_EQ(alerts->watch_figures(clock).asked, asked);
  EXPECT_EQ(alerts->watch_figures(clock).remembered, 20u);
  windows["cam-3"].latency_ms = 40;
  for (int i = 0; i < 3; ++i) {
    send(windows);
    ASSERT_TRUE(tick());
  }
  EXPECT_EQ(told("cam-3"), "alert.firing latency_doubled");
  EXPECT_EQ(alerts->watch_figures(clock).asked, asked);
}

TEST_F(JudgingMemory, IsWrittenNowAndThenAndWhenTheLeaderHandsOver) {
  add_device("cam-1");
  feed("cam-1", {10, 10, 10, 10, 10});
  const auto written = [this] { return database.value<int>("select windows from latency_baselines"); };
  EXPECT_LT(written(), 5) << "the database was asked once";
  ASSERT_TRUE(run_task(io, alerts->hand_over(clock)));
  EXPECT_EQ(written(), 5);
  for (int i = 0; i < 11; ++i) feed("cam-1", {10});
  EXPECT_GT(written(), 5) << "in its turn, once in ten minutes";
  EXPECT_LE(alerts->watch_figures(clock).written, 4u);
}

TEST_F(JudgingMemory, IsBoundedAndWhoLeavesIsJudgedAllTheSame) {
  options.watch.memory_bytes = 6000;
  restart();
  std::map<std::string, test::WindowOf> windows;
  for (int i = 0; i < 50; ++i) {
    add_device("cam-" + std::to_string(i));
    windows["cam-" + std::to_string(i)] = {.latency_ms = 10};
  }
  const auto send_and_judge = [&] {
    send(windows);
    ASSERT_TRUE(tick());
    EXPECT_LE(alerts->watch_figures(clock).bytes, 6000u);
  };
  for (int i = 0; i < 5; ++i) send_and_judge();
  for (int i = 0; i < 20; ++i) {
    send(windows);
    EXPECT_LE(alerts->watch_figures(clock).bytes, 6000u / 8 * 9 + 1000u) << "nobody leaves between two ticks";
  }
  EXPECT_GT(alerts->watch_figures(clock).remembered, 2u);
  EXPECT_LT(alerts->watch_figures(clock).remembered, 50u);
  for (auto& [device, of] : windows) of.latency_ms = 40;
  for (int i = 0; i < 3; ++i) send_and_judge();
  EXPECT_EQ(database.value<int>("select count(*) from alerts where state = 'firing'"), 50);
  EXPECT_EQ(database.value<int>("select count(*) from events where kind = 'alert.firing'"), 50);
}

TEST_F(JudgingMemory, AnAlertThatFiresOrEndsIsToldOnceWhereverItIsCutOff) {
  test::PostgresWire wire(database.conninfo());
  DbPool through_wire{io.get_executor(), {.conninfo = wire.conninfo(), .threads = 1}};
  judging = &through_wire;
  options.rules.latency.baseline_windows = 2;
  int cuts = 0;
  const auto live_through = [&](const std::string& device, std::size_t cut_after, Cut how, int step) {
    add_device(device);
    restart();
    const std::vector<double> life{10, 10, 40, 40, 11, 11};
    for (std::size_t i = 0; i < life.size(); ++i) {
      send({{device, {.latency_ms = life[i]}}});
      if (i == cut_after) wire.cut_at(Steps::all, step, how);
      (void)tick();
      if (i != cut_after) continue;
      cuts += wire.has_cut() ? 1 : 0;
      wire.heal();
      if (how == Cut::client_dies) restart();
      ASSERT_TRUE(tick());
    }
    EXPECT_EQ(told(device), "alert.firing latency_doubled, alert.resolved latency_doubled")
        << device << ": cut at step " << step << " after window " << cut_after;
    EXPECT_EQ(open(device), "");
    database.exec("delete from devices where id = '" + device + "'");  // or those that fell silent fill each tick
  };
  int number = 0;
  for (const std::size_t cut_after : {2, 3, 5}) {  // pending, firing, over
    for (const Cut how : {Cut::backend_ends, Cut::answer_lost, Cut::client_dies}) {
      if (cut_after == 2 && how != Cut::client_dies) continue;
      for (int step = 1;; ++step) {
        const int before = cuts;
        live_through("cam-" + std::to_string(++number), cut_after, how, step);
        if (cuts == before || HasFailure()) break;
      }
    }
  }
  EXPECT_GT(cuts, 40);
  alerts.reset();
}

// Devices whose latency and accuracy go up and down, each in its own way.
std::map<std::string, test::WindowOf> round_of(const std::string& prefix, int devices, int round) {
  std::map<std::string, test::WindowOf> windows;
  for (int i = 0; i < devices; ++i) {
    std::minstd_rand random(static_cast<unsigned>(1000 * i + round / 7 + 1));
    random.discard(5);
    const bool is_slow = random() % 3 == 0;
    const bool is_wrong = random() % 3 == 0;
    windows[prefix + std::to_string(i)] = {
        .latency_ms = is_slow ? 40.0 : 10.0, .labelled = 40, .correct = is_wrong ? 0U : 40U};
  }
  return windows;
}

TEST_F(JudgingMemory, ThatIsLostAtRandomTimesComesToTheSame) {
  constexpr int devices = 8, rounds = 60;
  for (const char* prefix : {"a-", "b-"}) {
    for (int i = 0; i < devices; ++i) add_device(prefix + std::to_string(i));
  }
  // One is never disturbed; of the other all is forgotten now and then.
  std::minstd_rand random(7);
  const auto first = clock;
  for (int round = 0; round < rounds; ++round) {
    send(round_of("a-", devices, round));
    ASSERT_TRUE(tick());
  }
  EXPECT_LT(alerts->watch_figures(clock).asked, 3u * devices);
  clock = first;
  restart();
  for (int round = 0; round < rounds; ++round) {
    send(round_of("b-", devices, round));
    if (random() % 4 == 0) restart();
    ASSERT_TRUE(tick());
    const bool hands_over = random() % 4 == 0;
    ASSERT_TRUE(!hands_over || run_task(io, alerts->hand_over(clock)));
  }
  int moves = 0;
  for (int i = 0; i < devices; ++i) {
    const auto number = std::to_string(i);
    EXPECT_EQ(told("a-" + number), told("b-" + number));
    EXPECT_EQ(open("a-" + number), open("b-" + number));
    moves += database.value<int>("select count(*) from events where device_id = 'a-" + number + "'");
  }
  EXPECT_GT(moves, 3 * devices) << "or nothing was compared";
}

TEST_F(JudgingMemory, WindowsThatAnotherInstanceStoredAreNotedAndJudged) {
  add_device("cam-1");
  feed("cam-1", {10, 10, 10, 10});
  TelemetryService elsewhere{pool};
  WindowNews news{pool, "elsewhere"};
  elsewhere.also_store(news.note());
  WindowNews leaders{pool, "here"};
  leaders.on_unheard([this](const std::vector<UnheardPair>& pairs) { alerts->take(pairs, clock); });
  for (int i = 0; i < 3; ++i) {
    clock += a_minute;
    const auto window = test::window({.started_at = clock - a_minute, .latency_ms = 40});
    ASSERT_TRUE(run_task(io, elsewhere.ingest({test::batch("cam-1", ++next_seq["cam-1"], window)}, clock)));
    ASSERT_TRUE(run_task(io, leaders.take_unheard()));
    ASSERT_TRUE(tick());
  }
  EXPECT_EQ(told("cam-1"), "alert.firing latency_doubled");
  EXPECT_EQ(database.value<int>("select count(*) from unheard_windows"), 0);
}

TEST_F(JudgingMemory, TheInstanceThatLeadsNotesNothingUntilAnotherLeads) {
  add_device("cam-1");
  const Fence fence{4711, raise_fence(database.connection(), 4711)};
  WindowNews news{pool, "here"};
  TelemetryService here{pool};
  here.also_store(news.note());
  const auto store = [&] {
    clock += a_minute;
    const auto window = test::window({.started_at = clock - a_minute});
    ASSERT_TRUE(run_task(io, here.ingest({test::batch("cam-1", ++next_seq["cam-1"], window)}, clock)));
  };
  const auto noted = [this] { return database.value<int>("select count(*) from unheard_windows"); };
  news.leads(fence);
  store();
  EXPECT_EQ(noted(), 0);
  raise_fence(database.connection(), 4711);
  store();
  EXPECT_EQ(noted(), 1) << "it does not know yet that another instance leads";
  news.leads(std::nullopt);
  store();
  EXPECT_EQ(noted(), 2);
}

TEST_F(JudgingMemory, WhatWasStoredWithoutAnAnswerIsFound) {
  add_device("cam-1");
  feed("cam-1", {10, 10, 10, 10, 40});
  test::PostgresWire wire(database.conninfo());
  {
    DbPool cut_off{io.get_executor(), {.conninfo = wire.conninfo(), .threads = 1}};
    TelemetryService here{cut_off};
    here.add_listener([](const std::vector<TakenWindow>&) { FAIL() << "nobody knows"; });
    here.on_doubt([this](const std::set<std::string>& devices) { alerts->doubt(devices, clock); });
    clock += a_minute;
    const auto window = test::window({.started_at = clock - a_minute, .latency_ms = 40});
    wire.cut_at(Steps::commits, 1, Cut::answer_lost);
    EXPECT_FALSE(run_task(io, here.ingest({test::batch("cam-1", ++next_seq["cam-1"], window)}, clock)));
    EXPECT_TRUE(wire.has_cut());
  }
  ASSERT_TRUE(tick());
  EXPECT_EQ(open("cam-1"), "latency_doubled firing");
}

TEST_F(JudgingMemory, OfARevokedDeviceOpensNoAlertAndOnceItIsBackAnother) {
  add_device("cam-1");
  feed("cam-1", {10, 10, 10, 10, 40, 40});
  EXPECT_EQ(open("cam-1"), "latency_doubled firing");
  send({{"cam-1", {.latency_ms = 40}}});
  database.exec("update devices set revoked_at = now() where id = 'cam-1'");
  ASSERT_TRUE(tick());
  EXPECT_EQ(open("cam-1"), "");
  database.exec("update devices set revoked_at = null where id = 'cam-1'");
  feed("cam-1", {40, 40});
  EXPECT_EQ(open("cam-1"), "latency_doubled firing");
  EXPECT_EQ(told("cam-1"),
            "alert.firing latency_doubled, alert.resolved latency_doubled, alert.firing latency_doubled");
}

TEST_F(JudgingMemory, AnAlertThatSomebodyElseEndedIsSeen) {
  add_device("cam-1");
  feed("cam-1", {10, 10, 10, 10, 40, 40});
  database.exec("update alerts set state = 'resolved', resolved_at = now()");
  feed("cam-1", {40, 10});
  EXPECT_EQ(told("cam-1"), "alert.firing latency_doubled, alert.firing latency_doubled") << "it is judged anew";
  feed("cam-1", {10});
  EXPECT_EQ(open("cam-1"), "");
}

TEST_F(JudgingMemory, AThresholdThatChangesIsFollowed) {
  options.releases_every = a_minute;
  restart();
  add_device("cam-1");
  for (int i = 0; i < 3; ++i) {
    send({{"cam-1", {.labelled = 60, .correct = 58}}});
    ASSERT_TRUE(tick());
  }
  EXPECT_EQ(open("cam-1"), "");
  database.exec(R"sql(update releases set validation = '{"metric": "accuracy", "threshold": 0.995}')sql");
  for (int hour = 0; hour < 20; ++hour) {
    clock += 60 * a_minute;
    send({{"cam-1", {.labelled = 60, .correct = 58}}});
    ASSERT_TRUE(tick());
  }
  EXPECT_EQ(open("cam-1"), "accuracy_low firing");
}

TEST_F(JudgingMemory, ADeviceThatGoesBackToAVersionFindsItsUsualLatencyAgain) {
  add_device("cam-1");
  feed("cam-1", {10, 10, 10, 10});
  for (int i = 0; i < 4; ++i) {
    send({{"cam-1", {.latency_ms = 50, .version = "1.1"}}});
    ASSERT_TRUE(tick());
  }
  EXPECT_EQ(told("cam-1"), "") << "a version of its own";
  feed("cam-1", {40, 40});
  EXPECT_EQ(told("cam-1"), "alert.firing latency_doubled");
}

TEST_F(JudgingMemory, OfATermOfLeadingIsNotThatOfTheNext) {
  add_device("cam-1");
  const auto tick_in_term = [this](std::int64_t number) {
    const FencedExecutor term(io.get_executor(), {4711, number});
    bool done = false;
    boost::asio::co_spawn(term, alerts->tick(clock += Duration{2000}),
                          [&done](std::exception_ptr, const Result<std::size_t>& moved) { done = moved.has_value(); });
    ASSERT_TRUE(test::run_until(io, [&done] { return done; }));
  };
  std::int64_t term = raise_fence(database.connection(), 4711);
  for (int i = 0; i < 4; ++i) {
    send({{"cam-1", {.latency_ms = 10}}});
    tick_in_term(term);
  }
  hears = false;  // another instance leads
  send({{"cam-1", {.latency_ms = 40}}});
  send({{"cam-1", {.latency_ms = 40}}});
  hears = true;
  term = raise_fence(database.connection(), 4711);
  tick_in_term(term);
  EXPECT_EQ(open("cam-1"), "latency_doubled firing");
}

}  // namespace
}  // namespace argosy::server
