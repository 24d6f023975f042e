// Drift judged from memory: what is remembered may be lost at any point; the verdicts are those of an undisturbed run,
// told once.
#include <map>
#include <optional>
#include <random>

#include <gtest/gtest.h>

#include "server/db/db_pool.hpp"
#include "server/drift/drift_service.hpp"
#include "server/telemetry/telemetry_service.hpp"
#include "tests/support/fleet_rows.hpp"
#include "tests/support/postgres_wire.hpp"
#include "tests/support/run_task.hpp"

namespace argosy::server {
namespace {

using test::run_task;
using Cut = test::PostgresWire::Cut;
using Steps = test::PostgresWire::Steps;

constexpr auto sharpness =
    R"({"features": [{"name": "sharpness", "edges": [1, 2, 3], "counts": [0, 500, 500, 0, 0]}]})";
constexpr auto level = R"({"features": [{"name": "level", "edges": [1, 2, 3], "counts": [0, 500, 500, 0, 0]}]})";
const std::vector<std::uint64_t> clean{0, 50, 50, 0, 0};
const std::vector<std::uint64_t> dirty{100, 0, 0, 0, 0};

class DriftMemory : public ::testing::Test {
 protected:
  void SetUp() override {
    test::add_release(database, "digits", "1.0", sharpness);
    test::add_release(database, "digits", "1.1", "{}");
    telemetry.add_listener([this](const std::vector<TakenWindow>& windows) {
      if (drift) drift->take(windows, clock);
    });
    ASSERT_TRUE(run_task(io, telemetry.tick(clock)));
    options.rules.evidence.look = Duration{6 * 60'000};
    options.watch.limits.interval = Duration{1000};
    options.watch.budget = test::task_deadline;
    options.references_every = std::chrono::hours(24);
    for (int i = 0; i < 5; ++i) add_device("peer-" + std::to_string(i));
    restart();
  }
  // A day of drift is six minutes, in each of which a device sends a window.
  void restart() { drift.emplace(*judging, options); }
  void add_device(const std::string& device) {
    test::add_device(database, device);
    database.exec("insert into device_models (device_id, model, version) values ('" + device + "', 'digits', '1.0')");
  }
  void send(const std::map<std::string, std::vector<std::uint64_t>>& counts, const std::string& version = "1.0") {
    clock += Duration{60'000};
    std::vector<wire::TelemetryBatch> batches;
    for (const auto& [device, of] : counts) {
      const auto window =
          test::window({.started_at = clock - Duration{60'000}, .version = version, .features = {{"sharpness", of}}});
      batches.push_back(test::batch(device, ++next_seq[device], window));
    }
    ASSERT_TRUE(run_task(io, telemetry.ingest(batches, clock)));
  }
  Result<std::size_t> tick() { return run_task(io, drift->tick(clock += Duration{2000})); }
  void feed(const std::string& device, const std::vector<std::uint64_t>& counts, int windows) {
    for (int i = 0; i < windows; ++i) {
      send(among_peers(device, counts));
      ASSERT_TRUE(tick());
    }
  }
  // The device, and its peers with a clean lens.
  std::map<std::string, std::vector<std::uint64_t>> among_peers(const std::string& device,
                                                                const std::vector<std::uint64_t>& counts) {
    std::map<std::string, std::vector<std::uint64_t>> of_all{{device, counts}};
    for (int i = 0; i < 5; ++i) of_all["peer-" + std::to_string(i)] = clean;
    return of_all;
  }
  std::string told(const std::string& device) {
    return database.value<std::string>(
        "select coalesce(string_agg(kind, ', ' order by id), '') from events where kind like 'drift.%' and device_id = "
        "'" +
        device + "'");
  }

  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 1}};
  DbPool* judging = &pool;
  TelemetryService telemetry{pool};
  DriftOptions options;
  std::optional<DriftService> drift;
  std::map<std::string, std::uint64_t> next_seq;
  Instant clock = parse_rfc3339("2026-03-01T12:00:00Z").value();
};

TEST_F(DriftMemory, WhatIsHeardIsJudgedWithoutAStatement) {
  add_device("cam-1");
  feed("cam-1", clean, 12);
  const auto asked = drift->watch_figures(clock).asked;
  int transactions = 0;
  for (int i = 0; i < 5; ++i) {
    send(among_peers("cam-1", clean));
    const auto before = pool.counters().transactions;
    ASSERT_TRUE(tick());
    transactions += static_cast<int>(pool.counters().transactions - before);
  }
  EXPECT_LE(transactions, 7) << "what peers showed in an hour, and a pair in its turn";
  feed("cam-1", dirty, 16);
  EXPECT_EQ(told("cam-1"), "drift.detected");
  EXPECT_EQ(drift->watch_figures(clock).asked, asked);
}

TEST_F(DriftMemory, TheScreenShowsWhatIsNotWrittenYet) {
  add_device("cam-1");
  feed("cam-1", clean, 1);
  options.watch.write_every = Duration{3'600'000'000};
  feed("cam-1", clean, 2);
  const auto shown = run_task(io, drift->of_device("cam-1")).value().features.at(0);
  EXPECT_EQ(shown.present, (std::vector<std::uint64_t>{0, 150, 150, 0, 0}));
  EXPECT_EQ(shown.said.measures.samples, 300u);
}

TEST_F(DriftMemory, AVerdictIsToldOnceWhereverItIsCutOff) {
  test::PostgresWire wire(database.conninfo());
  DbPool through_wire{io.get_executor(), {.conninfo = wire.conninfo(), .threads = 1}};
  judging = &through_wire;
  constexpr int windows = 32;
  int cuts = 0;
  const auto live_through = [&](const std::string& device, int cut_after, Cut how, int step) {
    add_device(device);
    restart();
    for (int i = 0; i < windows; ++i) {
      send(among_peers(device, i >= 2 && i < 12 ? dirty : clean));
      if (i == cut_after) wire.cut_at(Steps::all, step, how);
      (void)tick();
      if (i != cut_after) continue;
      cuts += wire.has_cut() ? 1 : 0;
      wire.heal();
      if (how == Cut::client_dies) restart();
      ASSERT_TRUE(tick());
    }
    EXPECT_EQ(told(device), "drift.detected, drift.cleared")
        << device << ": cut at step " << step << " after window " << cut_after;
    database.exec("delete from devices where id = '" + device + "'");
  };
  int number = 0;
  for (const int cut_after : {8, 24}) {
    for (const Cut how : {Cut::backend_ends, Cut::answer_lost, Cut::client_dies}) {
      for (int step = 1;; ++step) {
        const int before = cuts;
        live_through("cam-" + std::to_string(++number), cut_after, how, step);
        if (cuts == before || HasFailure()) break;
      }
    }
  }
  EXPECT_GT(cuts, 12);
  drift.reset();
}

TEST_F(DriftMemory, ThatIsLostAtRandomTimesComesToTheSame) {
  constexpr int rounds = 60;
  std::minstd_rand random(7);
  const auto first = clock;
  for (const std::string prefix : {"a", "b"}) {
    clock = first;
    restart();
    add_device(prefix);
    for (int round = 0; round < rounds; ++round) {
      send({{prefix, round >= 10 && round < 30 ? dirty : clean}});
      if (prefix == "b" && random() % 4 == 0) restart();
      ASSERT_TRUE(tick());
      const bool hands_over = prefix == "b" && random() % 4 == 0;
      ASSERT_TRUE(!hands_over || run_task(io, drift->hand_over(clock)));
    }
    ASSERT_TRUE(run_task(io, drift->hand_over(clock)));
  }
  const auto evidence = [&](const std::string& device) {
    return database.value<std::string>("select evidence from drift_evidence where device_id = '" + device + "'");
  };
  EXPECT_EQ(evidence("a"), evidence("b"));
  const auto verdict = [&](const std::string& device) {
    return database.value<std::string>("select verdict from drift_state where device_id = '" + device + "'");
  };
  EXPECT_EQ(verdict("a"), verdict("b"));
}

TEST_F(DriftMemory, AReleaseThatIsMeasuredAgainstAnotherReferenceIsJudgedAnew) {
  options.references_every = Duration{60'000};
  restart();
  add_device("cam-1");
  feed("cam-1", clean, 5);
  database.exec(std::string("update releases set reference = '") + level + "' where version = '1.0'");
  clock += Duration{60'000};
  feed("cam-1", clean, 1);
  EXPECT_EQ(database.value<std::string>("select string_agg(distinct feature, ' ') from drift_state"), "level");
}

TEST_F(DriftMemory, OfAReleaseWithoutAReferenceNothingIsAsked) {
  add_device("cam-1");
  send({{"cam-1", clean}}, "1.1");
  ASSERT_TRUE(tick());
  for (int i = 0; i < 3; ++i) {
    send({{"cam-1", clean}}, "1.1");
    const auto before = pool.counters().transactions;
    ASSERT_TRUE(tick());
    EXPECT_EQ(pool.counters().transactions, before);
  }
  feed("cam-1", clean, 5);
  EXPECT_EQ(database.value<int>("select count(*) from drift_state where device_id = 'cam-1'"), 1)
      << "and back to one that has some";
}

}  // namespace
}  // namespace argosy::server
