#include "agent/update/download_gate.hpp"

#include <gtest/gtest.h>

#include "agent/update/local_clock.hpp"
#include "common/base/file.hpp"
#include "tests/support/faulty_disk.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

using namespace std::chrono_literals;
using test::TempFolder;

constexpr std::uint64_t mb = 1 << 20;
constexpr std::uint64_t piece = 32 << 10;

class Gate : public testing::Test {
 protected:
  DownloadGate make(const std::string& file = "spent.json") {
    return DownloadGate(rules, folder / file, {[this] { return now; }, system_clock_on_the_wall, [](auto&) {}});
  }
  // Pieces until it says stop.
  static std::uint64_t spend_all(DownloadGate& gate, std::optional<Hold>& hold) {
    std::uint64_t spent = 0;
    while (!hold) {
      hold = gate.spend(piece).value();
      spent += piece;
    }
    return spent;
  }
  static bool may_begin(DownloadGate& gate, BlobKind kind = BlobKind::model) {
    return std::holds_alternative<Leave>(gate.admit(kind).value());
  }
  static std::uint64_t rest(DownloadGate& gate) { return *std::get<Leave>(gate.admit(BlobKind::model).value()).bytes; }
  TempFolder folder;
  DownloadRules rules;
  Instant now = parse_rfc3339("2026-11-23T12:00:00Z").value();
};

TEST_F(Gate, WithoutRulesNothingIsWritten) {
  DownloadGate gate = make();
  EXPECT_TRUE(may_begin(gate));
  EXPECT_FALSE(gate.spend(mb).value());
  gate.settle();
  EXPECT_FALSE(std::filesystem::exists(folder / "spent.json"));
}

TEST_F(Gate, DaysBytesEndADownloadAndTheNextDayBringsNewOnes) {
  rules.bytes_per_day = 2 * mb;
  DownloadGate gate = make();
  std::optional<Hold> hold;
  EXPECT_EQ(rest(gate), 2 * mb);
  EXPECT_EQ(spend_all(gate, hold), 2 * mb);
  EXPECT_NE(hold->why.find("the 2 MB of today are used up"), std::string::npos);
  EXPECT_FALSE(may_begin(gate));
  now += 24h;
  EXPECT_EQ(rest(gate), 2 * mb);
}

TEST_F(Gate, WhatIsSpentSurvivesARestart) {
  rules.bytes_per_day = 10 * mb;
  {
    DownloadGate gate = make();
    EXPECT_TRUE(may_begin(gate));
    for (int i = 0; i < 96; ++i) EXPECT_FALSE(gate.spend(piece).value());
    gate.settle();
  }
  DownloadGate again = make();
  EXPECT_EQ(rest(again), 7 * mb);
}

// The power goes after any piece: what was spent is spent, and little more.
TEST_F(Gate, PowerCutGivesNothingBack) {
  rules.bytes_per_day = 8 * mb;
  for (std::uint64_t pieces = 0; pieces < 200; pieces += 7) {
    std::filesystem::remove(folder / "spent.json");
    {
      DownloadGate gate = make();
      EXPECT_TRUE(may_begin(gate));
      for (std::uint64_t i = 0; i < pieces; ++i) EXPECT_FALSE(gate.spend(piece).value());
    }
    DownloadGate again = make();
    const std::uint64_t left = 8 * mb - pieces * piece;
    EXPECT_LE(rest(again), left) << pieces;
    EXPECT_GE(rest(again) + mb / 2, left) << pieces;
  }
}

// The same where the disk stands still in the middle of any call: whatever came in by then is spent.
TEST_F(Gate, PowerCutInTheMiddleOfAWriteGivesNothingBack) {
  rules.bytes_per_day = 4 * mb;
  const argosy::test::Image empty;
  bool died = true;
  for (std::size_t call = 0; died; ++call) {
    argosy::test::FaultyDisk disk(folder / "root", empty);
    const DiskInPlace in_place(disk);
    disk.fail_at(call, argosy::test::Fault::stop);
    DownloadGate gate = make("root/spent.json");
    std::uint64_t spent = 0;
    bool goes_on = gate.admit(BlobKind::model).has_value();
    while (goes_on && !disk.died() && spent < 2 * mb) {
      spent += piece;
      goes_on = gate.spend(piece).has_value();
    }
    died = disk.died();
    disk.lose_power(argosy::test::Unsynced::lost, 1);
    DownloadGate again = make("root/spent.json");
    EXPECT_LE(rest(again), 4 * mb - spent) << "call " << call;
  }
}

TEST_F(Gate, DiskThatCannotKeepCountEndsTheDownload) {
  rules.bytes_per_day = mb;
  argosy::test::FaultyDisk disk(folder / "root", {});
  const DiskInPlace in_place(disk);
  disk.set_room(0);
  DownloadGate gate = make("root/spent.json");
  const auto ruling = gate.admit(BlobKind::model);
  ASSERT_FALSE(ruling);
  EXPECT_EQ(ruling.error().code, Errc::out_of_space);
}

TEST_F(Gate, DamagedCountIsBegunAnew) {
  rules.bytes_per_day = mb;
  for (const std::string text : {"", "{", "[]", R"({"day": "x"})", R"({"day": 20780})"}) {
    ASSERT_TRUE(write_file_atomically(folder / "spent.json", text));
    DownloadGate gate = make();
    EXPECT_EQ(rest(gate), mb) << text;
  }
}

TEST_F(Gate, WindowThatClosesEndsADownload) {
  rules.windows = TimeWindows::parse({"00:00-24:00"}).value();
  DownloadGate open = make();
  EXPECT_TRUE(may_begin(open));
  EXPECT_FALSE(open.spend(mb).value());
  const LocalTime shown = system_clock_on_the_wall()(now);
  const int hour = shown.minute / 60;
  const auto two_digits = [](int n) { return std::string(n < 10 ? "0" : "") + std::to_string(n); };
  rules.windows = TimeWindows::parse({two_digits(hour) + ":00-" + two_digits(hour) + ":59"}).value();
  DownloadGate gate = make();
  EXPECT_TRUE(may_begin(gate));
  EXPECT_FALSE(gate.spend(mb).value());
  now += 1h - 1min;
  const auto hold = gate.spend(mb).value();
  ASSERT_TRUE(hold);
  EXPECT_EQ(hold->until, now + 23h + 1min);
}

TEST_F(Gate, MeteredFileIsReadEachTime) {
  rules.metered_file = folder / "metered";
  DownloadGate gate = make();
  EXPECT_TRUE(may_begin(gate));  // it is not there
  for (const std::string yes : {"1", "yes", "yes\n", " 1\n"}) {
    ASSERT_TRUE(write_file_atomically(folder / "metered", yes));
    EXPECT_FALSE(may_begin(gate)) << yes;
  }
  for (const std::string no : {"0", "", "no\n", "\n"}) {
    ASSERT_TRUE(write_file_atomically(folder / "metered", no));
    EXPECT_TRUE(may_begin(gate)) << no;
  }
}

TEST_F(Gate, MeteredFileThatIsMissingLeavesTheSwitch) {
  rules.metered = true;
  rules.metered_file = folder / "metered";
  DownloadGate gate = make();
  EXPECT_FALSE(may_begin(gate));
  ASSERT_TRUE(write_file_atomically(folder / "metered", "no"));
  EXPECT_TRUE(may_begin(gate));
}

}  // namespace
}  // namespace argosy::agent
