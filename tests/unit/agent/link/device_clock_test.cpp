// The agent's clock over boards whose own stands, runs off, or leaps.
#include "agent/link/device_clock.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "common/base/file.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

using namespace std::chrono_literals;

constexpr Instant epoch{};
const Instant built = parse_rfc3339("2026-06-01T00:00:00Z").value();
const Instant truth = parse_rfc3339("2026-11-30T08:00:00Z").value();

struct Board {
  ClockReading shown;
  void pass(Duration time) {
    shown.board += time;
    shown.uptime += time;
  }
  DeviceClock clock(Instant floor = built) {
    return DeviceClock(floor, [this] { return shown; });
  }
};

TEST(DeviceClock, RunsWithABoardThatIsRight) {
  Board board{{truth, 40s}};
  DeviceClock clock = board.clock();
  board.pass(90s);
  clock.heard(truth + 90s + 1200ms);
  EXPECT_EQ(clock.now(), truth + 90s);
  EXPECT_EQ(clock.ageing(), truth + 90s);
  EXPECT_EQ(clock.fault(), "");
}

TEST(DeviceClock, ABoardAt1970BeginsAtTheFloorAndGoesOnFromThere) {
  Board board{{epoch + 10s, 10s}};
  DeviceClock clock = board.clock();
  EXPECT_EQ(clock.now(), built);
  board.pass(1h);
  clock.look();
  EXPECT_EQ(clock.now(), built + 1h);
  EXPECT_FALSE(clock.is_known());
  EXPECT_NE(clock.fault().find("says 1970-01-01T01:00:10"), std::string::npos) << clock.fault();
}

TEST(DeviceClock, TheServersTimeHoldsWhateverTheBoardsClockDoes) {
  Board board{{epoch + 10s, 10s}};
  DeviceClock clock = board.clock();
  std::vector<Duration> set;
  clock.on_set([&](Duration by) { set.push_back(by); });
  board.pass(5s);
  clock.heard(truth);
  EXPECT_TRUE(clock.is_known());
  EXPECT_EQ(set, std::vector<Duration>{truth - (built + 5s)});
  EXPECT_EQ(clock.ageing(), built + 5s) << "what is measured in it does not leap";
  board.shown.board += std::chrono::hours(24 * 100);
  board.pass(10s);
  clock.look();
  EXPECT_EQ(clock.now(), truth + 10s);
  EXPECT_EQ(set.size(), 1u);
  EXPECT_EQ(clock.worth_keeping(), truth + 10s);
}

TEST(DeviceClock, WithoutAServerItFollowsTheBoardsClockThereAndBack) {
  Board board{{truth, 10s}};
  DeviceClock clock = board.clock();
  std::vector<Duration> set;
  clock.on_set([&](Duration by) { set.push_back(by); });
  const Duration leap = std::chrono::hours(24 * 100);
  board.shown.board += leap;
  clock.look();
  EXPECT_EQ(clock.now(), truth + leap);
  board.pass(10s);
  board.shown.board -= leap;
  clock.look();
  EXPECT_EQ(clock.now(), truth + 10s);
  EXPECT_EQ(set, (std::vector<Duration>{leap, -leap}));
  EXPECT_EQ(clock.ageing(), truth + 10s);
  EXPECT_FALSE(clock.worth_keeping()) << "a time that nobody confirmed is no floor";
}

TEST(DeviceClock, ACertificateThatIsNotGoodYetProvesThatTheClockIsBehind) {
  Board board{{epoch, 10s}};
  DeviceClock clock = board.clock();
  EXPECT_TRUE(clock.proved(truth - 24h));
  EXPECT_EQ(clock.now(), truth - 24h);
  EXPECT_FALSE(clock.proved(truth - 48h));
  board.pass(1min);
  clock.look();
  EXPECT_EQ(clock.now(), truth - 24h + 1min);
  clock.heard(truth);
  EXPECT_FALSE(clock.proved(truth + 24h)) << "a known time is not moved by a certificate of the future";
  EXPECT_EQ(clock.now(), truth);
}

TEST(DeviceClock, WhatWasKnownIsTheFloorOfTheNextStart) {
  const test::TempFolder folder;
  EXPECT_EQ(load_floor(folder / "clock"), Instant{});
  ASSERT_TRUE(keep_floor(folder / "clock", truth));
  EXPECT_EQ(load_floor(folder / "clock"), truth);
  ASSERT_TRUE(write_file_atomically(folder / "clock", std::string("\0\0\0", 3)));
  EXPECT_EQ(load_floor(folder / "clock"), Instant{});
}

TEST(DeviceClock, TheBuildIsNoFutureAndNoDistantPast) {
  EXPECT_GT(build_time(), parse_rfc3339("2025-01-01T00:00:00Z").value());
}

}  // namespace
}  // namespace argosy::agent
