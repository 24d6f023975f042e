// Alerts about devices that are not what they seem: one whose clock is wrong, and one that is two.
#include <gtest/gtest.h>

#include "server/alerts/alert_service.hpp"
#include "server/db/db_pool.hpp"
#include "server/telemetry/telemetry_service.hpp"
#include "tests/support/fleet_rows.hpp"
#include "tests/support/run_task.hpp"

namespace argosy::server {
namespace {

using test::run_task;

constexpr Duration minute{60'000};

class OddDevice : public ::testing::Test {
 protected:
  void SetUp() override {
    test::add_device(database, "cam-1");
    database.exec("insert into device_models (device_id, model, version) values ('cam-1', 'digits', '1.0')");
    ASSERT_TRUE(run_task(io, telemetry.tick(clock)));
    telemetry.add_listener([this](const std::vector<TakenWindow>& windows) { alerts.take(windows, clock); });
  }
  // A window by a clock that is `ahead`.
  void feed(double latency_ms, int windows, Duration ahead) {
    for (int i = 0; i < windows; ++i) {
      clock += minute;
      auto sent =
          test::batch("cam-1", ++seq, test::window({.started_at = clock + ahead - minute, .latency_ms = latency_ms}));
      sent.sent_at = clock + ahead;
      ASSERT_TRUE(run_task(io, telemetry.ingest({sent}, clock)));
      ASSERT_TRUE(run_task(io, alerts.tick(clock += Duration{1000})));
    }
  }
  void wrong_answers(int windows, Duration ahead, bool tells_when_sent = true) {
    for (int i = 0; i < windows; ++i) {
      clock += minute;
      auto sent = test::batch("cam-1", ++seq,
                              test::window({.started_at = clock + ahead - minute, .labelled = 20, .correct = 0}));
      if (tells_when_sent) sent.sent_at = clock + ahead;
      ASSERT_TRUE(run_task(io, telemetry.ingest({sent}, clock)));
      ASSERT_TRUE(run_task(io, alerts.tick(clock += Duration{1000})));
    }
  }
  // An agent's next record under its own epoch.
  void speak(const std::string& epoch) {
    auto sent = test::batch("cam-1", ++seqs[epoch], test::health(clock += minute, 1));
    sent.epoch = epoch;
    ASSERT_TRUE(run_task(io, telemetry.ingest({sent}, clock)));
    ASSERT_TRUE(run_task(io, alerts.tick(clock)));
  }
  std::string states() {
    return database.value<std::string>(
        "select coalesce(string_agg(rule || ':' || device_id || ':' || state, ' ' order by id), '') from alerts");
  }

  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 1}};
  TelemetryService telemetry{pool};
  AlertService alerts{pool};
  std::map<std::string, std::uint64_t> seqs;
  std::uint64_t seq = 0;
  Instant clock = parse_rfc3339("2026-03-01T12:00:00Z").value();
};

TEST_F(OddDevice, AClockTwoHoursAheadRaisesAlertsLikeAnyOther) {
  feed(10, 12, 120 * minute);
  feed(40, 3, 120 * minute);
  EXPECT_EQ(states(), "latency_doubled:cam-1:firing");
}

TEST_F(OddDevice, AClockTwoHoursAheadHidesNoWrongAnswers) {
  test::add_release(database, "digits", "1.0", "{}", R"({"metric": "accuracy", "threshold": 0.94})");
  wrong_answers(5, 120 * minute);
  EXPECT_EQ(states(), "accuracy_low:cam-1:firing");
}

// It says neither when it sent a batch nor how wrong its clock is.
TEST_F(OddDevice, AnOldAgentsClockTwoHoursAheadHidesNoWrongAnswers) {
  test::add_release(database, "digits", "1.0", "{}", R"({"metric": "accuracy", "threshold": 0.94})");
  wrong_answers(5, 120 * minute, false);
  EXPECT_EQ(states(), "accuracy_low:cam-1:firing");
}

TEST_F(OddDevice, AClockOf1970RaisesAlertsLikeAnyOther) {
  const auto since_1970 = instant_from_ms(0) - (clock - minute);
  feed(10, 12, since_1970);
  feed(40, 3, since_1970);
  EXPECT_EQ(states(), "latency_doubled:cam-1:firing");
}

TEST_F(OddDevice, TwoAgentsWithOneIdentityAreAnAlertUntilThereIsOne) {
  const std::string one = "aaaaaaaaaaaaaaaa", other = "bbbbbbbbbbbbbbbb";
  for (const auto& epoch : {one, one, other, other}) speak(epoch);
  EXPECT_EQ(states(), "") << "a disk was restored";
  for (const auto& epoch : {one, other, one}) speak(epoch);
  EXPECT_EQ(states(), "identity_shared:cam-1:firing");
  EXPECT_EQ(database.value<std::string>("select severity from alerts"), "critical");
  for (int i = 0; i < 59; ++i) speak(one);
  EXPECT_EQ(states(), "identity_shared:cam-1:firing");
  for (int i = 0; i < 2; ++i) speak(one);
  EXPECT_EQ(states(), "identity_shared:cam-1:resolved");
}

}  // namespace
}  // namespace argosy::server
