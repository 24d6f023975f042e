// Reactions from the alert that is told to their end: made by the database, done once, no oftener than their rule may.
#include "server/rules/reaction_service.hpp"

#include <map>
#include <optional>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/alerts/alert_rows_store.hpp"
#include "server/alerts/alert_service.hpp"
#include "server/db/db_pool.hpp"
#include "server/journal/reaction_store.hpp"
#include "server/rules/rule_service.hpp"
#include "tests/support/fleet_rows.hpp"
#include "tests/support/run_task.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using test::run_task;

// What a rule finds, as its judge would write it.
struct Find {
  std::vector<AlertFinding> findings;
  Instant now;
  std::size_t operator()(pqxx::work& transaction) const {
    lock_alerts(transaction);
    return apply_findings(transaction, findings, now);
  }
};

struct EndDone {
  std::int64_t id;
  Instant now;
  void operator()(pqxx::work& transaction) const {
    const auto reaction = take_reaction(transaction, id);
    if (reaction) end_reaction(transaction, *reaction, ReactionEnd::done, "did it", json::object(), now);
  }
};

class Reactions : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* device : {"cam-1", "cam-2", "cam-3", "cam-4"}) test::add_device(database, device);
    ASSERT_TRUE(run_task(io, rules.tick(clock)));
    restart();
  }
  void restart() {
    reactions.emplace(pool, 7, share);
    const auto port = [this](std::int64_t id, Instant now) { return carry_out(id, now); };
    reactions->use({port, port, port});
  }
  Task<Result<void>> carry_out(std::int64_t id, Instant now) {
    ++tried[id];
    if (fault) co_return *fault;
    co_return co_await pool.transact<EndDone>(id, now);
  }
  void react(const std::string& rule, const json& wanted) {
    const json document{{"name", rule}, {"reactions", wanted}};
    const auto changed = run_task(io, rules.update(rule, std::nullopt, document.dump(), "user:ada", clock));
    ASSERT_TRUE(changed) << changed.error().message;
  }
  void find(const std::string& device, AlertState state = AlertState::firing) {
    clock += Duration{1000};
    AlertFinding finding;
    finding.rule = "too_hot";
    finding.severity = "warning";
    finding.device = device;
    finding.state = state;
    finding.message = device + " is 95 °C";
    ASSERT_TRUE(run_task(io, pool.transact<Find>(std::vector{finding}, clock)));
  }
  void tick() { ASSERT_TRUE(run_task(io, reactions->tick(clock += Duration{1000}))); }
  std::string states() {
    return database.value<std::string>(
        "select coalesce(string_agg(a.device_id || ':' || e.reaction || ':' || e.state, ' ' order by e.id), '') "
        "from rule_reactions e join alerts a on a.id = e.alert_id");
  }
  int events(const std::string& kind) {
    return database.value<int>("select count(*) from events where kind = '" + kind + "'");
  }
  std::vector<ListedReaction> list() { return run_task(io, reactions->list({})).value().items; }

  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 1}};
  RuleService rules{pool, {}, [](const AgainstUsual&) {}};
  ReactionShare share;
  std::optional<ReactionService> reactions;
  std::map<std::int64_t, int> tried;
  std::optional<Error> fault;
  Instant clock = parse_rfc3339("2026-03-10T12:00:00Z").value();
};

TEST_F(Reactions, ThereAreNoneUnlessAPersonWroteThemDown) {
  find("cam-1");
  EXPECT_EQ(states(), "");
}

TEST_F(Reactions, EachIsDoneOnceForAnAlertThatIsTold) {
  react("too_hot", {{{"do", "diagnostics"}}, {{"do", "pause_rollouts"}}});
  find("cam-1");
  EXPECT_EQ(states(), "cam-1:diagnostics:waiting cam-1:pause_rollouts:waiting");
  tick();
  EXPECT_EQ(states(), "cam-1:diagnostics:done cam-1:pause_rollouts:done");
  find("cam-1");
  restart();
  tick();
  EXPECT_EQ(tried, (std::map<std::int64_t, int>{{1, 1}, {2, 1}})) << "it fires still, which is no new alert";
  EXPECT_EQ(events("reaction.done"), 2);
  find("cam-1", AlertState::ok);
  find("cam-1");
  tick();
  EXPECT_EQ(tried.size(), 4u) << "another alert";
  const auto newest = list().front();
  EXPECT_EQ(newest.rule, "too_hot");
  EXPECT_EQ(newest.rule_version, 2) << "as it was changed";
  EXPECT_EQ(newest.outcome, "did it");
  EXPECT_EQ(database.value<std::string>("select message from events where kind = 'reaction.done' order by id limit 1"),
            "rule:too_hot v2, alert 1: cam-1 is 95 °C - did it");
}

TEST_F(Reactions, AnAlertThatIsSilencedDoesNothingUntilItIsTold) {
  react("too_hot", {{{"do", "diagnostics"}}});
  AlertService alerts(pool, {});
  Silence quiet;
  quiet.match.rule = "too_hot";
  quiet.starts_at = clock;
  quiet.ends_at = clock + Duration{600'000};
  quiet.comment = "the fan is being changed";
  ASSERT_TRUE(run_task(io, alerts.add_silence(quiet, "user:ada", clock)));
  ASSERT_TRUE(run_task(io, alerts.tick(clock)));
  find("cam-1");
  tick();
  EXPECT_EQ(states(), "");
  for (const auto span : {Duration{600'000}, Duration{1000}}) ASSERT_TRUE(run_task(io, alerts.tick(clock += span)));
  tick();
  EXPECT_EQ(states(), "cam-1:diagnostics:done") << "it fires still";
}

TEST_F(Reactions, ARuleDoesNoMoreInAnHourThanItMayAndSaysSoOnce) {
  react("too_hot", {{{"do", "diagnostics"}, {"most_per_hour", 2}}});
  for (const char* device : {"cam-1", "cam-2", "cam-3", "cam-4"}) find(device);
  tick();
  EXPECT_EQ(states(), "cam-1:diagnostics:done cam-2:diagnostics:done cam-3:diagnostics:left cam-4:diagnostics:left");
  EXPECT_EQ(events("reaction.limited"), 1);
  EXPECT_EQ(events("reaction.left"), 2);
  clock += Duration{3'600'000};
  find("cam-3", AlertState::ok);
  find("cam-3");
  tick();
  EXPECT_EQ(tried.size(), 3u) << "an hour later it may again";
}

TEST_F(Reactions, AllRulesTogetherDoNoMoreThanAShareOfTheFleet) {
  share = {.percent = 10, .least = 2};  // of four devices
  restart();
  react("too_hot", {{{"do", "diagnostics"}}, {{"do", "pause_rollouts"}}});
  find("cam-1");
  find("cam-2");
  tick();
  EXPECT_EQ(states(),
            "cam-1:diagnostics:done cam-1:pause_rollouts:done cam-2:diagnostics:left cam-2:pause_rollouts:left");
  EXPECT_EQ(events("reaction.limited"), 1) << "of all, however many rules and kinds there are";
  clock += Duration{3'600'000};
  find("cam-3");
  tick();
  EXPECT_EQ(database.value<int>("select count(*) from rule_reactions where state = 'done'"), 4);
}

TEST_F(Reactions, WhatIsOldNewsIsLeft) {
  react("too_hot", {{{"do", "diagnostics"}}});
  find("cam-1");
  find("cam-1", AlertState::ok);
  tick();
  EXPECT_EQ(list().front().outcome, "not done: the alert had ended by then");
  find("cam-2");
  react("too_hot", json::array());
  tick();
  EXPECT_EQ(list().front().outcome, "not done: the rule was changed, and does not want it any more");
  react("too_hot", {{{"do", "diagnostics"}}});
  find("cam-3");
  clock += reaction_lasts;
  tick();
  EXPECT_EQ(list().front().outcome, "not done: it could not be done within 15 minutes");
  EXPECT_TRUE(tried.empty());
}

TEST_F(Reactions, AnErrorIsTriedAgainAndHasAnEnd) {
  react("too_hot", {{{"do", "diagnostics"}}});
  find("cam-1");
  fault = make_error(Errc::unavailable, "the database is away");
  tick();
  EXPECT_EQ(states(), "cam-1:diagnostics:waiting");
  EXPECT_EQ(list().front().outcome, "tried: the database is away");
  for (int i = 0; i < 2 * reaction_attempts; ++i) {
    clock += reaction_cap;
    tick();
  }
  EXPECT_EQ(states(), "cam-1:diagnostics:failed");
  EXPECT_EQ(tried[1], reaction_attempts);
  EXPECT_EQ(list().front().outcome, "given up: the database is away");
  EXPECT_EQ(events("reaction.failed"), 1);
}

TEST_F(Reactions, GoWithTheirAlert) {
  react("too_hot", {{{"do", "diagnostics"}}});
  find("cam-1");
  tick();
  database.exec("delete from alerts");
  EXPECT_EQ(states(), "");
}

}  // namespace
}  // namespace argosy::server
