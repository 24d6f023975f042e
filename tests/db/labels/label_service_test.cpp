#include "server/labels/label_service.hpp"

#include <algorithm>
#include <set>

#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "server/db/db_pool.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/test_database.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;
using wire::LabelOutcome;

const Instant noon = parse_rfc3339("2026-11-30T12:00:00Z").value();
const std::string somebody = "token:lab";

class LabelServiceTest : public ::testing::Test {
 protected:
  LabelServiceTest() {
    database.exec("insert into models (name) values ('digits'), ('lines')");
    for (const char* device : {"cam-1", "cam-2", "cam-away"}) {
      database.exec("insert into devices (id, hardware_class) values ('" + std::string(device) + "', 'cpu')");
      database.exec("insert into device_state (device_id, agent_version, presence, report) values ('" +
                    std::string(device) + "', '0.2.0', '" + (device == std::string("cam-away") ? "offline" : "online") +
                    R"(', '{"takes_labels": true}'))");
    }
  }

  std::vector<LabelVerdict> tell(std::vector<Result<GivenLabel>> given, Instant at = noon) {
    return test::run_task(io, labels.tell(std::move(given), somebody, at)).value();
  }
  // Labels 1 to `count` of a device.
  std::vector<LabelVerdict> tell(const std::string& device, std::uint64_t count, Instant at = noon) {
    std::vector<Result<GivenLabel>> given;
    for (std::uint64_t id = 1; id <= count; ++id) given.push_back(label(device, id));
    return tell(std::move(given), at);
  }
  static GivenLabel label(const std::string& device, std::uint64_t id, std::int32_t right = 3) {
    return {.device = device, .model = "digits", .observation = id, .label = right, .source = "lab"};
  }
  wire::HandedLabels exchange(const std::string& device, wire::LabelAnswers answers = {}, Instant at = noon) {
    return test::run_task(io, labels.exchange(device, std::move(answers), at)).value();
  }
  LabelStatus status(std::optional<std::string> device = std::nullopt) {
    return test::run_task(io, labels.status(std::move(device))).value();
  }
  std::map<LabelState, std::int64_t> counts(const std::string& device) {
    std::map<LabelState, std::int64_t> counts;
    for (const LabelCount& count : status(device).counts) counts[count.state] += count.labels;
    return counts;
  }
  std::vector<std::string> told_devices(Instant at) {
    told.clear();
    EXPECT_TRUE(test::run_task(io, labels.tell_devices(at)));
    std::sort(told.begin(), told.end());
    return told;
  }
  void tidy(Instant at) { ASSERT_TRUE(test::run_task(io, labels.tidy(at))); }
  // One counted, the next one unknown, and so on.
  static wire::LabelAnswers answers_to(const wire::HandedLabels& handed) {
    wire::LabelAnswers answers;
    for (const wire::HandedLabel& one : handed.labels) {
      answers.after = one.seq;
      answers.answers[one.seq] = answers.answers.size() % 2 == 0 ? LabelOutcome::counted : LabelOutcome::unknown;
    }
    return answers;
  }

  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 2}};
  std::vector<std::string> told;
  LabelService labels{pool, [this](const std::string& device, const std::string&) { told.push_back(device); }};
};

TEST_F(LabelServiceTest, ALabelWaitsUntilItsDeviceHasSaidWhatBecameOfIt) {
  tell("cam-1", 3);
  tell("cam-2", 1);
  const auto handed = exchange("cam-1");
  ASSERT_EQ(handed.labels.size(), 3u);
  EXPECT_EQ(handed.labels[0].id, 1u);
  EXPECT_EQ(handed.labels[0].label, 3);
  EXPECT_FALSE(handed.more);
  EXPECT_EQ(exchange("cam-1").labels.size(), 3u) << "what was not answered is handed out again";

  EXPECT_TRUE(exchange("cam-1", answers_to(handed)).labels.empty());
  EXPECT_EQ(counts("cam-1"), (std::map<LabelState, std::int64_t>{{LabelState::counted, 2}, {LabelState::unknown, 1}}));
  EXPECT_EQ(status("cam-1").waiting, 0);
  exchange("cam-1", answers_to(handed));
  EXPECT_EQ(counts("cam-1").at(LabelState::counted), 2) << "an answer that comes twice counts once";
  EXPECT_EQ(status().waiting, 1) << "of the fleet: that of cam-2";
}

TEST_F(LabelServiceTest, AnswersToLabelsOfOthersChangeNothing) {
  tell("cam-1", 1);
  tell("cam-2", 1);
  exchange("cam-2", answers_to(exchange("cam-1")));
  EXPECT_EQ(status("cam-1").waiting, 1);
  EXPECT_TRUE(status("cam-1").counts.empty());
}

TEST_F(LabelServiceTest, ManyAreHandedOutPieceByPiece) {
  tell("cam-1", 700);
  const auto first = exchange("cam-1");
  EXPECT_EQ(first.labels.size(), 500u);
  EXPECT_TRUE(first.more);
  const auto rest = exchange("cam-1", answers_to(first));
  EXPECT_EQ(rest.labels.size(), 200u);
  EXPECT_FALSE(rest.more);
  EXPECT_EQ(rest.labels.front().id, 501u);
  wire::LabelAnswers full = answers_to(rest);
  full.after = 0;
  full.most = 0;
  EXPECT_TRUE(exchange("cam-1", full).labels.empty()) << "it has no room now";
}

TEST_F(LabelServiceTest, ALabelIsTakenOnceAndABadOneAlone) {
  EXPECT_EQ(tell("cam-1", 2)[0].status, LabelVerdict::Status::accepted);
  const auto again = tell({label("cam-1", 1), make_error(Errc::invalid_argument, "labels[1].id is missing"),
                           label("cam-1", 2, 4), label("cam-9", 5), label("cam-1", 3)});
  using enum LabelVerdict::Status;
  std::vector<LabelVerdict::Status> statuses;
  for (const LabelVerdict& verdict : again) statuses.push_back(verdict.status);
  EXPECT_EQ(statuses, (std::vector<LabelVerdict::Status>{repeated, refused, refused, refused, accepted}));
  EXPECT_EQ(again[0].state, LabelState::waiting);
  EXPECT_EQ(again[1].message, "labels[1].id is missing");
  EXPECT_EQ(exchange("cam-1").labels.size(), 3u);
}

TEST_F(LabelServiceTest, TheAuditHasARowAnHourAndNotOneALabel) {
  tell("cam-1", 3);
  tell("cam-1", 4, noon + 10min);
  tidy(noon + 50min);
  EXPECT_EQ(database.value<int>("select count(*) from audit where action = 'labels.tell'"), 0) << "the hour lasts";
  tidy(noon + 61min);
  tidy(noon + 62min);
  EXPECT_EQ(
      database.value<std::string>(
          "select actor || ' ' || string_agg(concat_ws(' ', details->>'accepted', details->>'repeated'), ', ') from "
          "audit where action = 'labels.tell' group by actor"),
      somebody + " 4 3");
}

TEST_F(LabelServiceTest, DevicesAreToldThatLabelsWait) {
  tell("cam-1", 1);
  tell("cam-away", 1);
  EXPECT_EQ(told_devices(noon), std::vector<std::string>{"cam-1"}) << "who is away cannot be told";
  EXPECT_TRUE(told_devices(noon + 20s).empty()) << "it has time to come";
  EXPECT_EQ(told_devices(noon + 61s), std::vector<std::string>{"cam-1"}) << "a word may get lost";
  database.exec("update device_state set presence = 'online' where device_id = 'cam-away'");
  EXPECT_EQ(told_devices(noon + 20min), (std::vector<std::string>{"cam-1", "cam-away"}));
  exchange("cam-1", answers_to(exchange("cam-1", {}, noon + 20min)), noon + 20min);
  EXPECT_EQ(told_devices(noon + 3h), std::vector<std::string>{"cam-away"}) << "of cam-1 none waits any more";
}

TEST_F(LabelServiceTest, WhatNobodyComesForEnds) {
  tell("cam-away", 2);
  tell("cam-1", 1, noon + 24h);
  tidy(noon + labels_wait + 1min);
  EXPECT_EQ(counts("cam-away"), (std::map<LabelState, std::int64_t>{{LabelState::expired, 2}}));
  EXPECT_TRUE(exchange("cam-away").labels.empty());
  EXPECT_EQ(exchange("cam-1").labels.size(), 1u);
  tidy(noon + labels_kept + 1min);
  EXPECT_EQ(database.value<int>("select count(*) from observation_labels where device_id = 'cam-away'"), 0);
  EXPECT_EQ(counts("cam-away").at(LabelState::expired), 2) << "the count stays";
}

TEST_F(LabelServiceTest, WithARevokedDeviceItsLabelsEnd) {
  tell("cam-1", 2);
  database.exec("update devices set revoked_at = now() where id = 'cam-1'");
  EXPECT_TRUE(told_devices(noon).empty());
  EXPECT_EQ(counts("cam-1"), (std::map<LabelState, std::int64_t>{{LabelState::revoked, 2}}));
  database.exec("delete from devices where id = 'cam-1'");
  EXPECT_EQ(database.value<int>("select count(*) from observation_labels"), 0);
}

TEST_F(LabelServiceTest, AreListedNewestFirst) {
  tell("cam-1", 3);
  wire::LabelAnswers two;
  two.most = 2;
  exchange("cam-1", answers_to(exchange("cam-1", two)));
  const auto all = test::run_task(io, labels.list({.device = "cam-1", .limit = 2})).value();
  EXPECT_EQ(all.total, 3);
  ASSERT_EQ(all.items.size(), 2u);
  EXPECT_EQ(all.items[0].given.observation, 3u);
  EXPECT_EQ(all.items[0].told_by, somebody);
  const auto rest = test::run_task(io, labels.list({.device = "cam-1", .before = all.items[1].seq})).value();
  ASSERT_EQ(rest.items.size(), 1u);
  EXPECT_EQ(rest.items[0].state, LabelState::counted);
  EXPECT_EQ(test::run_task(io, labels.list({.device = "cam-1", .state = LabelState::unknown})).value().total, 1);
  EXPECT_EQ(test::run_task(io, labels.list({.device = "cam-9"})).error().code, Errc::not_found);
}

TEST_F(LabelServiceTest, TwoWhoTellAtOnceLoseNothing) {
  std::vector<Result<GivenLabel>> one, other;
  for (std::uint64_t id = 1; id <= 50; ++id) {
    one.push_back(label(id % 2 == 0 ? "cam-1" : "cam-2", id));
    other.push_back(label(id % 2 == 0 ? "cam-2" : "cam-1", id + 100));
  }
  auto first = boost::asio::co_spawn(io, labels.tell(std::move(one), somebody, noon), boost::asio::use_future);
  auto second = boost::asio::co_spawn(io, labels.tell(std::move(other), somebody, noon), boost::asio::use_future);
  io.run();
  ASSERT_TRUE(first.get());
  ASSERT_TRUE(second.get());
  EXPECT_EQ(database.value<int>("select count(*) from observation_labels"), status().waiting);
  EXPECT_EQ(exchange("cam-1").labels.size() + exchange("cam-2").labels.size(), 100u);
}

}  // namespace
}  // namespace argosy::server
