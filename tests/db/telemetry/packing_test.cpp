#include <algorithm>
#include <atomic>
#include <map>
#include <thread>
#include <tuple>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "common/base/random.hpp"
#include "server/db/db_pool.hpp"
#include "server/telemetry/integrity_store.hpp"
#include "server/telemetry/outbox_rows_store.hpp"
#include "server/telemetry/partition_store.hpp"
#include "server/telemetry/stored/closing_store.hpp"
#include "server/telemetry/stored/packing_service.hpp"
#include "server/telemetry/stored/packing_store.hpp"
#include "server/telemetry/stored/rollup_rows_store.hpp"
#include "server/telemetry/stored/stored_telemetry_store.hpp"
#include "server/telemetry/stored_windows_store.hpp"
#include "server/telemetry/telemetry_service.hpp"
#include "tests/support/fleet_rows.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/window_rows.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

const Instant ten = parse_rfc3339("2026-03-01T10:00:00Z").value();

class Packing : public ::testing::Test {
 protected:
  template <class Work>
  auto run(Work work) {
    pqxx::work transaction(database.connection());
    if constexpr (std::is_void_v<std::invoke_result_t<Work&, pqxx::work&>>) {
      work(transaction);
      transaction.commit();
    } else {
      auto answer = work(transaction);
      transaction.commit();
      return answer;
    }
  }

  void add(const std::string& device, Instant at, const std::string& version = "1.0") {
    TakenWindow window{.device = device, .model = "digits", .version = version, .started_at = at};
    window.ended_at = at + 1min;
    window.received_at = window.ended_at + 50ms;
    window.count = 20 + next_seq;
    window.latency.add(5 + static_cast<double>(next_seq % 7), 20 + next_seq);
    window.features = {{"sharpness", {next_seq, 2, 3}}};
    window.classes = {{static_cast<int>(next_seq % 3), 20}};
    if (next_seq % 5 == 0) window.numbers["queue_depth"].add(4);
    test::add_window(database, window, next_seq);
    database.exec("update telemetry_windows set link = " + std::to_string(1000 + next_seq) +
                  " where seq = " + std::to_string(next_seq));
    ++next_seq;
  }

  // Four devices over three hours, some with a window that came long after its time, and one with a version more.
  void add_hours_of_a_fleet() {
    database.exec("update telemetry_levels set days_until = '2026-02-27T00:00:00Z'");  // no day is added up
    run(CloseHours{ten});
    for (const char* device : {"cam-1", "cam-2", "cam-3", "cam-4"}) {
      test::add_device(database, device);
      for (int minute = 0; minute < 180; minute += 4)
        add(device, ten + minute * 1min, minute > 100 && device[4] == '2' ? "1.1" : "1.0");
    }
    add("cam-3", ten - 30h);
    add("cam-1", ten - 29h);
  }

  std::vector<TakenWindow> stored(Level level = Level::windows, Instant from = ten - 24h * 800,
                                  Instant to = ten + 24h * 9) {
    StoredRange range{.devices = {"cam-1", "cam-2", "cam-3", "cam-4"}, .from = from, .to = to, .level = level};
    std::vector<TakenWindow> found;
    run([&](pqxx::work& transaction) {
      visit_stored(transaction, range, [&found](TakenWindow&& window) { found.push_back(std::move(window)); });
    });
    std::sort(found.begin(), found.end(), [](const TakenWindow& a, const TakenWindow& b) {
      return std::tie(a.device, a.started_at, a.version, a.count) <
             std::tie(b.device, b.started_at, b.version, b.count);
    });
    return found;
  }

  // As though argosyd were killed before the commit.
  template <class Work>
  void abandon(Work work) {
    pqxx::work transaction(database.connection());
    work(transaction);
  }
  // Until nothing waits, `most` windows at a time, each time at the second attempt; `after_each` slice.
  template <class Then>
  void pack(std::size_t most, Then after_each) {
    while (const auto next = run(FindWaiting{}).next) {
      abandon(PackSlice{*next, most});
      const auto slice = run(PackSlice{*next, most});
      after_each();
      if (slice.is_last) run(DropPacked{*next});
    }
  }
  void pack() {
    pack(1000, [] {});
  }
  void keep(Instant now) {
    for (const auto& past : run(KeepPartitions{.now = now})) run(DropPartitions{past});
  }
  void roll(Instant over) {
    while (!run(RollDay{over, 7}).nothing_left) {
    }
  }

  std::string tables_under(const std::string& parent) {
    return database.value<std::string>(
        "select coalesce(string_agg(c.relname, ' ' order by c.relname), '') from pg_inherits i join pg_class c "
        "on c.oid = i.inhrelid where i.inhparent = '" +
        parent + "'::regclass and c.relname !~ '_default$'");
  }

  test::TestDatabase database;
  std::uint64_t next_seq = 1;
};

// What visitors of hours or days must find: sums over all windows.
struct Totals {
  std::uint64_t count = 0, latencies = 0, sharpness = 0, classes = 0;
  Duration covered{};
  friend bool operator==(const Totals&, const Totals&) = default;
};
std::map<std::string, Totals> totals_of(const std::vector<TakenWindow>& windows) {
  std::map<std::string, Totals> totals;
  for (const auto& window : windows) {
    Totals& sum = totals[window.device + " " + window.version];
    sum.count += window.count;
    sum.latencies += window.latency.count();
    sum.sharpness += window.features.at(0).counts.at(0);
    for (const auto& entry : window.classes) sum.classes += entry.second;
    sum.covered += window.ended_at - window.started_at;
  }
  return totals;
}

TEST_F(Packing, AnHourThatIsOverIsTakenOutAndOthersAreMadeAhead) {
  run(CloseHours{ten});
  EXPECT_EQ(tables_under("telemetry_windows"),
            "telemetry_windows_2026030109 telemetry_windows_2026030110 telemetry_windows_2026030111 "
            "telemetry_windows_2026030112 telemetry_windows_2026030113 telemetry_windows_2026030114 "
            "telemetry_windows_2026030115 telemetry_windows_2026030116");
  test::add_device(database, "cam-1");
  add("cam-1", ten + 59min);
  run(CloseHours{ten + 69min});
  EXPECT_EQ(tables_under("telemetry_closed"), "") << "it may still get windows";
  run(CloseHours{ten + 71min});
  EXPECT_EQ(tables_under("telemetry_closed"), "telemetry_windows_2026030110");
  EXPECT_EQ(database.value<int>("select count(*) from telemetry_windows"), 0);
  EXPECT_EQ(database.value<int>("select count(*) from telemetry_unpacked"), 1);
  EXPECT_EQ(stored().size(), 1u);
}

TEST_F(Packing, WhatComesForAnHourThatIsGoneWaitsForTheNext) {
  run(CloseHours{ten + 2h});
  test::add_device(database, "cam-1");
  add("cam-1", ten);
  run(CloseHours{ten + 2h + 9min});
  EXPECT_EQ(tables_under("telemetry_closed"), "");
  run(CloseHours{ten + 2h + 10min});
  EXPECT_EQ(tables_under("telemetry_closed"), "telemetry_late_" + std::to_string(to_ms(ten + 2h + 10min)));
  EXPECT_EQ(stored().size(), 1u);
}

TEST_F(Packing, EachWindowIsThereOnceBeforeWithinAndAfter) {
  add_hours_of_a_fleet();
  const auto all = stored();
  ASSERT_EQ(all.size(), 4u * 45 + 2);
  run(CloseHours{ten + 3h + 10min});
  EXPECT_EQ(stored(), all);
  int slices = 0;
  pack(25, [&] {
    ASSERT_EQ(stored(), all) << "after slice " << slices;
    ASSERT_EQ(totals_of(stored(Level::hours)), totals_of(all)) << "after slice " << slices;
    ASSERT_EQ(totals_of(stored(Level::days)), totals_of(all)) << "after slice " << slices;
    ++slices;
  });
  EXPECT_GT(slices, 8);
  EXPECT_EQ(database.value<int>("select count(*) from telemetry_unpacked"), 0);
  EXPECT_EQ(tables_under("telemetry_closed"), "");
  EXPECT_EQ(database.value<int>("select count(*) from telemetry_packing"), 0);
  EXPECT_EQ(stored(), all);
  EXPECT_EQ(stored(Level::windows, ten + 30min, ten + 90min).size(), 4u * 15);
}

// While another connection packs, so that a slice is committed between any two statements of a reader.
TEST_F(Packing, ReadersSeeEachWindowOnceWhileItIsPacked) {
  add_hours_of_a_fleet();
  const auto all = stored();
  const StoredWindowsWanted newest{.pairs = {{.pair = {"cam-2", "digits"}, .after = ten - 48h, .before = ten + 4h}},
                                   .most = 60,
                                   .newest_first = true};
  const auto read_newest = [&] {
    return run([&](pqxx::work& transaction) { return read_stored_windows(transaction, newest); });
  };
  const auto judged = read_newest();
  run(CloseHours{ten + 20h});
  CopyingConnection connection(database.conninfo());
  std::atomic<bool> is_done{false};
  std::thread packer([&] {
    const auto commit = [&](auto work) {
      pqxx::work transaction(connection);
      if constexpr (std::is_void_v<std::invoke_result_t<decltype(work)&, pqxx::work&>>) {
        work(transaction);
        transaction.commit();
      } else {
        auto answer = work(transaction);
        transaction.commit();
        return answer;
      }
    };
    while (const auto next = commit(FindWaiting{}).next)
      if (commit(PackSlice{*next, 3}).is_last) commit(DropPacked{*next});
    is_done = true;
  });
  bool is_right = true;
  while (!is_done && is_right)
    is_right = stored() == all && totals_of(stored(Level::hours)) == totals_of(all) && read_newest() == judged;
  packer.join();
  EXPECT_TRUE(is_right);
  EXPECT_EQ(stored(), all);
}

TEST_F(Packing, DaysAreAddedUpDeviceByDeviceAndReadOnce) {
  add_hours_of_a_fleet();
  const auto all = totals_of(stored());
  run(CloseHours{ten + 20h});
  pack();
  for (bool left = true; left;) {
    const auto rolled = run(RollDay{ten + 20h, 3});
    left = !rolled.nothing_left;
    ASSERT_EQ(totals_of(stored(Level::days)), all);
    ASSERT_EQ(totals_of(stored(Level::hours)), all);
  }
  EXPECT_EQ(run(read_levels).days_until, ten + 14h);
  const auto days = stored(Level::days);
  EXPECT_EQ(days.size(), 4u + 1 + 2) << "one a device and version, and two of the day before";
  EXPECT_EQ(days.front().started_at, parse_rfc3339("2026-02-28T00:00:00Z").value());
}

TEST_F(Packing, WhatComesLateIsAddedToItsHourAndToItsDay) {
  add_hours_of_a_fleet();
  run(CloseHours{ten + 20h});
  pack();
  roll(ten + 20h);
  add("cam-1", ten + 5min);
  add("cam-4", ten + 7min, "1.1");
  const auto all = totals_of(stored());
  EXPECT_EQ(totals_of(stored(Level::days)), all) << "unpacked";
  run(CloseHours{ten + 21h});
  pack();
  EXPECT_EQ(totals_of(stored()), all);
  EXPECT_EQ(totals_of(stored(Level::hours)), all);
  EXPECT_EQ(totals_of(stored(Level::days)), all);
}

TEST_F(Packing, JudgesReadTheSameWindowsPackedOrNot) {
  add_hours_of_a_fleet();
  Rng rng(5);
  std::vector<StoredWindowsWanted> questions;
  for (int i = 0; i < 60; ++i) {
    StoredWindowsWanted wanted{.most = 1 + rng.below(70), .newest_first = rng.below(2) == 0};
    for (std::uint64_t n = 1 + rng.below(4); n > 0; --n) {
      const Instant after = ten + Duration{static_cast<std::int64_t>(rng.below(7'200'000))};
      wanted.pairs.push_back({.pair = {"cam-" + std::to_string(1 + rng.below(4)), "digits"},
                              .after = rng.below(3) == 0 ? ten - 48h : after,
                              .before = after + Duration{static_cast<std::int64_t>(rng.below(7'200'000))},
                              .version = rng.below(3) == 0 ? "1.0" : "",
                              .but_not = rng.below(3) == 0 ? "1.1" : ""});
    }
    questions.push_back(std::move(wanted));
  }
  const auto answers = [&] {
    std::vector<std::vector<std::vector<TakenWindow>>> all;
    for (const auto& wanted : questions)
      all.push_back(run([&](pqxx::work& transaction) { return read_stored_windows(transaction, wanted); }));
    return all;
  };
  const auto before = answers();
  run(CloseHours{ten + 2h + 10min});
  ASSERT_EQ(answers(), before);
  pack(30, [&] { ASSERT_EQ(answers(), before); });
}

TEST_F(Packing, OutboxesKeepTheirNumbersAndLinks) {
  add_hours_of_a_fleet();
  database.exec("insert into telemetry_cursors (device_id, epoch, seq) values ('cam-2', '0123456789abcdef', 90)");
  const auto integrity = [&] { return run(ReadIntegrity{"cam-2"}).value().at(0); };
  const auto links = [&] {
    return run([](pqxx::work& transaction) {
      return read_links(transaction, {"cam-2", "0123456789abcdef"}, {50, 60});
    });
  };
  const auto before = integrity();
  const auto known = links();
  EXPECT_EQ(before.stored, 45u);
  EXPECT_EQ(before.gaps, 0u);
  EXPECT_EQ(known.size(), 11u);
  run(CloseHours{ten + 20h});
  pack(33, [&] {
    const auto now = integrity();
    EXPECT_EQ(std::tie(now.stored, now.duplicates, now.gaps, now.first_seq, now.last_seq),
              std::tie(before.stored, before.duplicates, before.gaps, before.first_seq, before.last_seq));
    EXPECT_EQ(links(), known);
  });
}

TEST_F(Packing, AReaderThatDoesNotLetGoIsNotWaitedFor) {
  run(CloseHours{ten});
  test::add_device(database, "cam-1");
  add("cam-1", ten);
  pqxx::connection reader(database.conninfo());
  pqxx::work reading(reader);
  reading.exec("select count(*) from telemetry_windows");
  try {
    run(CloseHours{ten + 2h});
    FAIL() << "it took the table from its reader";
  } catch (const pqxx::sql_error& error) {
    EXPECT_EQ(error.sqlstate(), "55P03");
  }
  add("cam-1", ten + 1min);
  reading.commit();
  run(CloseHours{ten + 2h});
  EXPECT_EQ(stored().size(), 2u);
  EXPECT_EQ(tables_under("telemetry_closed"), "telemetry_windows_2026030110");
}

TEST_F(Packing, WhatIsPastALevelsRetentionIsReadFromTheNext) {
  add_hours_of_a_fleet();
  run(CloseHours{ten + 20h});
  pack();
  roll(ten + 20h);
  const auto all = totals_of(stored());
  keep(ten + 24h * 40);
  EXPECT_EQ(database.value<int>("select count(*) from telemetry_packed"), 0);
  EXPECT_EQ(totals_of(stored()), all);
  EXPECT_LT(stored().size(), 20u) << "hours";
  keep(ten + 24h * 100);
  EXPECT_EQ(database.value<int>("select count(*) from telemetry_hours"), 0);
  EXPECT_EQ(totals_of(stored()), all);
  EXPECT_EQ(totals_of(stored(Level::hours)), all);
  EXPECT_EQ(totals_of(stored(Level::days)), all);
  keep(ten + 24h * 1200);
  EXPECT_TRUE(stored().empty());
}

// A backup may hold it.
TEST_F(Packing, WhatIsPastItsRetentionAndStillThereIsReadOnce) {
  add_hours_of_a_fleet();
  run(CloseHours{ten + 20h});
  pack();
  roll(ten + 20h);
  keep(ten + 20h);
  const auto all = totals_of(stored());
  for (const auto days : {40, 100}) {
    ASSERT_FALSE(run(KeepPartitions{.now = ten + 24h * days}).empty());
    for (const auto level : {Level::windows, Level::hours, Level::days})
      EXPECT_EQ(totals_of(stored(level)), all) << "after " << days << " days";
  }
}

TEST_F(Packing, ASliceIsSmallWhereWindowsAreLarge) {
  add_hours_of_a_fleet();
  const auto all = stored();
  run(CloseHours{ten + 20h});
  std::size_t slices = 0, packed = 0;
  while (const auto next = run(FindWaiting{}).next) {
    const auto slice = run(PackSlice{.table = *next, .most_bytes = 600});
    EXPECT_LT(slice.windows, 30u);
    packed += slice.windows;
    ++slices;
    ASSERT_EQ(stored(), all) << "after slice " << slices;
    if (slice.is_last) run(DropPacked{*next});
  }
  EXPECT_EQ(packed, all.size());
  for (bool left = true; left;) {
    left = !run(RollDay{.over = ten + 20h, .most_bytes = 500}).nothing_left;
    ASSERT_EQ(totals_of(stored(Level::days)), totals_of(all));
  }
}

// As many features, bins and inferences as a device may tell of.
TEST_F(Packing, TheLargestWindowsArePackedAFewAtATime) {
  run(CloseHours{ten});
  test::add_device(database, "cam-1");
  TakenWindow largest{.count = wire::most_in_window};
  for (int feature = 0; feature < 64; ++feature)
    largest.features.push_back({"feature-" + std::to_string(feature), std::vector<std::uint64_t>(258, largest.count)});
  constexpr int windows = 60;
  database.exec(
      "insert into telemetry_windows (started_at, seq, epoch, device_id, model, version, figures) "
      "select '2026-03-01T10:00:00Z'::timestamptz + i * interval '1 second', i, 1, 'cam-1', 'digits', '1.0', " +
      test::figures_sql(largest) + " from generate_series(1, " + std::to_string(windows) + ") i");
  run(CloseHours{ten + 2h});
  EXPECT_LT(run(PackSlice{*run(FindWaiting{}).next}).windows, 60u);
  pack();
  const auto packed = stored();
  ASSERT_EQ(packed.size(), 60u);
  EXPECT_EQ(packed.back().features, largest.features);
  const auto hours = stored(Level::hours);
  ASSERT_EQ(totals_of(hours).at("cam-1 1.0").sharpness, windows * wire::most_in_window);
}

TEST_F(Packing, ADayThatIsBegunIsFinishedThoughTheClockWasSetBack) {
  add_hours_of_a_fleet();
  const auto all = totals_of(stored());
  run(CloseHours{ten + 20h});
  pack();
  while (!run(RollDay{ten + 20h, 3}).is_inside) {
  }
  roll(ten - 48h);
  EXPECT_EQ(database.value<int>("select count(*) from telemetry_levels where days_device is not null"), 0);
  EXPECT_EQ(totals_of(stored(Level::days)), all);
}

TEST_F(Packing, TheServicePacksAndRollsWhatIsOver) {
  boost::asio::io_context io;
  DbPool pool(io.get_executor(), {.conninfo = database.conninfo(), .threads = 1});
  PackingService packing(pool, {.slice = 40});
  add_hours_of_a_fleet();
  const auto all = totals_of(stored());
  run(CloseHours{ten + 20h});
  ASSERT_TRUE(test::run_task(io, packing.tick(ten + 20h)));
  EXPECT_EQ(packing.figures().windows, 182u);
  EXPECT_EQ(packing.figures().waiting, 0);
  EXPECT_EQ(packing.figures().unreadable, 0u);
  EXPECT_EQ(packing.figures().days, 7u);
  EXPECT_EQ(totals_of(stored(Level::days)), all);
}

// A server that starts while a backup is made, with an hour that is over and a day that is past its retention.
TEST_F(Packing, UpkeepLetsBeWhatSomebodyReads) {
  boost::asio::io_context io;
  DbPool pool(io.get_executor(), {.conninfo = database.conninfo(), .threads = 1});
  TelemetryService before(pool), started(pool);
  ASSERT_TRUE(test::run_task(io, before.tick(ten)));
  pqxx::connection connection(database.conninfo());
  pqxx::work backup(connection);
  backup.exec("lock table telemetry_windows, health_samples in access share mode");
  const Instant later = ten + 24h * 40;
  ASSERT_TRUE(test::run_task(io, started.tick(later)));
  EXPECT_NE(tables_under("telemetry_windows").find("telemetry_windows_2026030110"), std::string::npos);
  backup.commit();
  ASSERT_TRUE(test::run_task(io, started.tick(later + 60s)));
  EXPECT_TRUE(tables_under("telemetry_windows").starts_with("telemetry_windows_2026041009"));
  EXPECT_TRUE(tables_under("health_samples").starts_with("health_samples_20260409"));
}

TEST_F(Packing, ATableThatSomebodyReadsHoldsUpNoOther) {
  boost::asio::io_context io;
  DbPool pool(io.get_executor(), {.conninfo = database.conninfo(), .threads = 1});
  PackingService packing(pool);
  add_hours_of_a_fleet();
  const auto all = totals_of(stored());
  run(CloseHours{ten + 20h});
  pqxx::connection connection(database.conninfo());
  pqxx::work backup(connection);
  backup.exec("select count(*) from telemetry_windows_2026030110");
  const auto ticked = test::run_task(io, packing.tick(ten + 20h));
  ASSERT_TRUE(ticked) << ticked.error().message;
  EXPECT_EQ(tables_under("telemetry_closed"), "telemetry_windows_2026030110");
  EXPECT_EQ(packing.figures().waiting, 1);
  EXPECT_EQ(packing.figures().windows, 182u);
  EXPECT_EQ(packing.figures().days, 7u);
  EXPECT_EQ(totals_of(stored()), all);
  backup.commit();
  ASSERT_TRUE(test::run_task(io, packing.tick(ten + 20h + 59s)));
  EXPECT_EQ(packing.figures().waiting, 1) << "it is not asked for without a pause";
  ASSERT_TRUE(test::run_task(io, packing.tick(ten + 20h + 60s)));
  EXPECT_EQ(packing.figures().waiting, 0);
  EXPECT_EQ(tables_under("telemetry_closed"), "");
  EXPECT_EQ(totals_of(stored()), all);
}

TEST_F(Packing, FiguresThatCannotBeReadAreCountedAndDoNotHoldUpOthers) {
  add_hours_of_a_fleet();
  database.exec("update telemetry_windows set figures = '\\x09' where seq = 7");
  run(CloseHours{ten + 20h});
  std::uint64_t unreadable = 0;
  while (const auto next = run(FindWaiting{}).next) {
    const auto slice = run(PackSlice{*next});
    unreadable += slice.unreadable;
    if (slice.is_last) run(DropPacked{*next});
  }
  EXPECT_EQ(unreadable, 1u);
  EXPECT_EQ(stored().size(), 182u);
}

}  // namespace
}  // namespace argosy::server
