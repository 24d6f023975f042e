// Every decision of a rollout, broken off: by a server that dies after any statement, by a backend that is ended before
// a commit, by a commit whose answer is lost. Whatever happens, what is there in the end is what would be there
// undisturbed: one outcome, logged once, and the devices told once.
#include <functional>
#include <map>
#include <set>
#include <sstream>

#include "server/rollouts/guards/guard.hpp"
#include "server/rollouts/rollout_service.hpp"
#include "server/rollouts/store/advance_store.hpp"
#include "server/rollouts/store/newcomer_store.hpp"
#include "tests/db/rollouts/rollout_fleet.hpp"
#include "tests/support/postgres_wire.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using std::chrono::hours;
using std::chrono::seconds;
using Cut = test::PostgresWire::Cut;
using Steps = test::PostgresWire::Steps;

// What a server has in memory, over one connection through the wire.
struct Server {
  Server(boost::asio::io_context& io, const std::string& conninfo, PatchService& patches)
      : pool(io.get_executor(), {.conninfo = conninfo, .threads = 1}),
        rollouts(pool, patches, {.guard_interval = Duration{0}}),
        desired(pool) {}
  DbPool pool;
  RolloutService rollouts;
  DesiredService desired;
};

// The rows that decisions leave, but for what the database counts and dates by itself.
constexpr const char* rows_of_decisions = R"sql(
  select coalesce(string_agg(line, E'\n' order by line), '')
  from (
    select 'rollout ' || to_jsonb(t)::text as line from rollouts t
    union all select 'wave ' || to_jsonb(t)::text from rollout_waves t
    union all select 'device ' || (to_jsonb(t) - '{retry_at}'::text[])::text from rollout_devices t
    union all select 'plan ' || (to_jsonb(t) - '{attempt}'::text[])::text from rollout_plans t
    union all select 'accepted ' || to_jsonb(t)::text from rollout_acknowledgements t
    union all select 'panel ' || to_jsonb(t)::text from rollout_panel t
    union all select 'look ' || to_jsonb(t)::text from rollout_looks t
    union all select 'target ' || to_jsonb(t)::text from device_targets t
    union all select 'failures ' || (to_jsonb(t) - '{resting_until}'::text[])::text from device_failures t
    union all select 'newcomer ' || device_id from rollout_newcomers
    union all select 'withdrawal ' || to_jsonb(t)::text from release_withdrawals t
    union all select 'rev ' || id || ' ' || desired_rev from devices
    union all select 'due ' || to_jsonb(t)::text from desired_due t
    union all select 'decision ' || (to_jsonb(t) - '{id}'::text[])::text from rollout_decisions t
    union all select 'audit ' || actor || ' ' || action || ' ' || object || ' ' || details from audit
    union all select 'event ' || (to_jsonb(t) - '{id,at,xact}'::text[])::text from events t
  ) as lines
)sql";

// The whole database, put aside and back.
constexpr const char* save_and_restore = R"sql(
  create schema saved;
  create function saved.names() returns setof name language sql as $$
    select relname from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
  $$;
  create function saved.columns_of(one name) returns text language sql as $$
    select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
    where attrelid = ('public.' || quote_ident(one))::regclass and attnum > 0 and not attisdropped and attgenerated = ''
  $$;
  create function saved.save() returns void language plpgsql as $$
  declare one name;
  begin
    for one in select saved.names() loop
      execute format('drop table if exists saved.%I', one);
      execute format('create table saved.%I as select %s from public.%I', one, saved.columns_of(one), one);
    end loop;
  end $$;
  create function saved.restore() returns void language plpgsql as $$
  declare one name;
  begin
    set local session_replication_role = replica;
    for one in select saved.names() loop
      execute format('delete from public.%I', one);
      execute format('insert into public.%I (%s) overriding system value table saved.%I', one, saved.columns_of(one), one);
    end loop;
  end $$;
)sql";

// Lines of the one that are not in the other; a line may be there several times.
std::string only_in(const std::string& one, const std::string& other) {
  std::multiset<std::string> lines;
  std::string line;
  for (std::istringstream in(other); std::getline(in, line);) lines.insert(line);
  std::string rest;
  for (std::istringstream in(one); std::getline(in, line);) {
    const auto found = lines.find(line);
    if (found == lines.end()) rest += line + "\n";
    if (found != lines.end()) lines.erase(found);
  }
  return rest;
}

class BrokenOff : public RolloutFleet {
 protected:
  using Act = std::function<Result<void>(Server&)>;

  BrokenOff() {
    add_twelve();
    database.exec(save_and_restore);
  }

  // What an operator asks for, of the rollout as he sees it now.
  Act asks(std::int64_t id, Operation operation, OperatorCall more = {}) {
    more.rollout = id;
    more.operation = operation;
    more.if_match = std::to_string(get(id).record.etag);
    if (more.actor.empty()) more.actor = "user:ada";
    return [this, more](Server& server) { return done(run(server.rollouts.operate(more, now))); };
  }
  // What the engine decides of one rollout in one step.
  Act advances(std::int64_t id) {
    return
        [this, id](Server& server) { return done(run(server.pool.transact<AdvanceRollout>(id, std::nullopt, now))); };
  }
  Act takes_newcomers() {
    return [this](Server& server) { return done(run(server.pool.transact<TakeNewcomers>(std::size_t{1000}, now))); };
  }
  // It told everybody, and all took it.
  std::int64_t standing() {
    const auto id = create("1.1", {{"waves", {{{"share", 1}}}}});
    operate(id, Operation::assign).value();
    operate(id, Operation::start).value();
    tick();
    report_all(id, "notified", "committed");
    for (int i = 0; i < 3; ++i) tick();
    EXPECT_TRUE(get(id).record.stands_since);
    return id;
  }
  Act ticks() {
    return [this](Server& server) { return done(run(server.rollouts.tick(now))); };
  }

  // Breaks `act` off wherever that is possible; leaves what it does undisturbed.
  void expect_one_outcome(const Act& act, Steps where_servers_die = Steps::all) {
    database.exec("select saved.save()");
    before_ = rows();
    {
      Server server(io, wire.conninfo(), *patches);
      const auto outcome = act(server);
      ASSERT_TRUE(outcome) << outcome.error().message;
      acted_ = rows();
      ASSERT_NE(acted_, before_) << "nothing was decided";
      settle(server);
    }
    settled_ = rows();
    told_ = broker_;
    database.exec("select saved.restore()");
    EXPECT_GE(break_off_everywhere(act, where_servers_die, Cut::client_dies), 3);
    EXPECT_GE(break_off_everywhere(act, Steps::commits, Cut::backend_ends), 1);
    EXPECT_GE(break_off_everywhere(act, Steps::commits, Cut::answer_lost), 1);
    ASSERT_TRUE(is_undisturbed(act));
  }

  void expect_abort_once(const std::string& action) {
    const auto id =
        started("1.1", {{"abort", {{{"causes", {"*"}}, {"min_executed", 1}, {"share", 0.1}, {"action", action}}}}});
    tick();
    const auto canaries = devices_in(id, "notified");
    report(id, canaries[0], "committed");
    report(id, canaries[1], "failed", "download");
    expect_one_outcome(advances(id));
  }

  test::PostgresWire wire{database.conninfo()};

 private:
  template <class T>
  static Result<void> done(const Result<T>& outcome) {
    if (!outcome) return outcome.error();
    return {};
  }

  std::string rows() { return database.value<std::string>(rows_of_decisions); }

  // How many places there were.
  int break_off_everywhere(const Act& act, Steps what, Cut how) {
    for (int place = 1; !HasFailure(); ++place) {
      SCOPED_TRACE("cut " + std::to_string(static_cast<int>(how)) + " at " + std::to_string(place));
      broker_.clear();
      if (!break_off(act, what, place, how)) return place - 1;
    }
    return 0;
  }

  // False: `act` was over before.
  bool break_off(const Act& act, Steps what, int place, Cut how) {
    Server server(io, wire.conninfo(), *patches);
    EXPECT_TRUE(run(server.pool.ping()));
    wire.cut_at(what, place, how);
    const auto outcome = act(server);
    const bool has_cut = wire.has_cut();
    wire.heal();
    const auto now_there = rows();
    std::optional<Server> next;
    if (how == Cut::client_dies) next.emplace(io, wire.conninfo(), *patches);
    // A server that begins anew goes on from rows alone: from these ones to where the undisturbed one went.
    if (next && now_there == before_) return has_cut;
    if (has_cut && !(outcome && now_there == acted_)) go_on(act, next ? *next : server);
    database.exec("select saved.restore()");
    return has_cut;
  }

  void go_on(const Act& act, Server& server) {
    ask_again(act, server);
    settle(server);
    EXPECT_EQ(only_in(rows(), settled_), "") << "what is there beyond the one outcome";
    EXPECT_EQ(only_in(settled_, rows()), "") << "what is missing";
    EXPECT_EQ(broker_, told_);
  }

  bool is_undisturbed(const Act& act) {
    Server server(io, wire.conninfo(), *patches);
    return act(server) && rows() == acted_;
  }

  // Who asked and got no answer asks again, with the ETag that he had.
  void ask_again(const Act& act, Server& server) {
    const auto again = act(server);
    if (again) return;
    EXPECT_EQ(again.error().code, Errc::precondition_failed) << again.error().message;
  }

  // Everything that follows by itself.
  void settle(Server& server) {
    for (int round = 0; round < 50; ++round) {
      const auto planned = run(server.rollouts.plan_some(now));
      const auto looked = run(server.rollouts.measure(now));
      const auto acted = run(server.rollouts.tick(now));
      ASSERT_TRUE(planned && looked && acted);
      const auto published = run(server.desired.publish_due(
          [this](std::string topic, std::string document) { return publish(topic, document); }, 100));
      ASSERT_TRUE(published) << published.error().message;
      if (*planned == PlanningService::Step::idle && *looked == 0 && *acted == 0 && *published == 0) return;
    }
    FAIL() << "it does not come to rest";
  }

  Task<Result<void>> publish(std::string topic, std::string document) {
    broker_[topic].push_back(std::move(document));
    co_return Result<void>{};
  }

  std::string before_;
  std::string acted_;
  std::string settled_;
  std::map<std::string, std::vector<std::string>> broker_;  // by topic
  std::map<std::string, std::vector<std::string>> told_;
};

// What operators ask for
// ------------------------------------------------------------------------------------------------

TEST_F(BrokenOff, Start) {
  expect_one_outcome(asks(create(), Operation::start));
}

TEST_F(BrokenOff, StartLater) {
  expect_one_outcome(asks(create(), Operation::start, {.start_at = now + hours(1)}));
}

TEST_F(BrokenOff, AskForApproval) {
  expect_one_outcome(asks(create("1.1", {{"approval", {{"required", true}}}}), Operation::start));
}

TEST_F(BrokenOff, ApproveAndRefuse) {
  for (const auto operation : {Operation::approve, Operation::refuse}) {
    const auto id = started("1.1", {{"approval", {{"required", true}}}});
    expect_one_outcome(asks(id, operation, {.actor = "user:bob", .person = "user:2", .comment = "seen"}));
  }
}

TEST_F(BrokenOff, Cancel) {
  const auto id = create();
  run(rollouts->operate({.rollout = id,
                         .operation = Operation::start,
                         .if_match = "*",
                         .actor = "user:ada",
                         .start_at = now + hours(1)},
                        now))
      .value();
  expect_one_outcome(asks(id, Operation::cancel));
}

TEST_F(BrokenOff, PauseAndResume) {
  const auto id = started();
  tick();
  expect_one_outcome(asks(id, Operation::pause));
  expect_one_outcome(asks(id, Operation::resume));
}

TEST_F(BrokenOff, PromoteOne) {
  const auto id = started();
  tick();
  operate(id, Operation::pause).value();
  expect_one_outcome(asks(id, Operation::promote));
}

TEST_F(BrokenOff, PromoteAll) {
  const auto id = started("1.1", {{"waves", {{{"share", 0.2}}, {{"share", 0.5}}, {{"share", 1}}}}});
  tick();
  expect_one_outcome(asks(id, Operation::promote, {.all = true}));
}

TEST_F(BrokenOff, Retry) {
  const auto id = started("1.1", {{"abort", json::array()}});
  tick();
  report_all(id, "notified", "failed", "download");
  tick();
  expect_one_outcome(asks(id, Operation::retry, {.include_resting = true}));
}

TEST_F(BrokenOff, AssignAndUnassign) {
  const auto id = started("1.1", {{"waves", {{{"share", 1}}}}});
  tick();
  report_all(id, "notified", "committed");
  for (int i = 0; i < 3; ++i) tick();
  ASSERT_EQ(state_of(id), RolloutState::completed);
  add_device("fp32-7");
  tick();
  expect_one_outcome(asks(id, Operation::assign));
  expect_one_outcome(asks(id, Operation::unassign));
}

TEST_F(BrokenOff, Halt) {
  const auto id = started();
  tick();
  report(id, devices_in(id, "notified").front(), "downloading");
  expect_one_outcome(asks(id, Operation::halt));
}

TEST_F(BrokenOff, RollBack) {
  const auto id = started();
  tick();
  report_all(id, "notified", "committed");
  expect_one_outcome(asks(id, Operation::rollback));
}

TEST_F(BrokenOff, RecallARelease) {
  const auto id = started();
  tick();
  report_all(id, "notified", "committed");
  const RecallCall call{"digits", "1.1", "it overheats", "user:ada"};
  expect_one_outcome([this, call](Server& server) -> Result<void> {
    const auto recalled = run(server.rollouts.recall(call, now));
    if (!recalled) return recalled.error();
    return {};
  });
}

// What the engine decides
// ------------------------------------------------------------------------------------------------

TEST_F(BrokenOff, StartOnTime) {
  const auto id = create();
  run(rollouts->operate({.rollout = id,
                         .operation = Operation::start,
                         .if_match = "*",
                         .actor = "user:ada",
                         .start_at = now + hours(1)},
                        now))
      .value();
  pass(hours(1));
  expect_one_outcome(advances(id));
}

TEST_F(BrokenOff, TellDevices) {
  expect_one_outcome(advances(started("1.1", {{"pace", {{"per_minute", 2}}}})));
}

TEST_F(BrokenOff, BeginToBake) {
  const auto id = started("1.1", {{"gate", {{"bake_s", 60}}}});
  tick();
  report_all(id, "notified", "committed");
  expect_one_outcome(advances(id));
}

TEST_F(BrokenOff, OpenAWave) {
  const auto id = started();
  tick();
  report_all(id, "notified", "committed");
  run(pool.transact<AdvanceRollout>(id, std::nullopt, now)).value();  // its bake of no length begins
  expect_one_outcome(advances(id));
  EXPECT_EQ(decisions(id, "open wave 2"), 1);
}

TEST_F(BrokenOff, OpenAWaveInAWholeTick) {
  const auto id = started();
  tick();
  report_all(id, "notified", "committed");
  expect_one_outcome(ticks(), Steps::commits);
}

TEST_F(BrokenOff, PauseAtTheGate) {
  const auto id = started("1.1", {{"abort", json::array()}});
  tick();
  report_all(id, "notified", "failed", "download");
  expect_one_outcome(advances(id));
}

TEST_F(BrokenOff, AbortByPausing) {
  expect_abort_once("pause");
}
TEST_F(BrokenOff, AbortByHalting) {
  expect_abort_once("halt");
}
TEST_F(BrokenOff, AbortByRollingBack) {
  expect_abort_once("rollback");
}

TEST_F(BrokenOff, AGuardThatFails) {
  const auto id = started("1.1", {{"guards", {{{"metric", "latency_p95"}}}}});
  tick();
  report_all(id, "notified", "committed");
  const json failing = encode(GuardVerdict{
      .metric = GuardMetric::latency_p95, .verdict = Verdict::fail, .look = 1, .at = now, .message = "slower"});
  database.exec(
      "insert into rollout_looks (rollout_id, number, wave, in_wave, shares_of_dwell, is_final, at, guards) values (" +
      std::to_string(id) + ", 100, 0, 100, '[]', false, now(), '" + json::array({failing}).dump() + "')");
  expect_one_outcome(advances(id));
}

TEST_F(BrokenOff, ALookAtGuards) {
  started("1.1", {{"guards", {{{"metric", "latency_p95"}}}}});
  tick();
  database.exec("delete from rollout_looks");
  database.exec("delete from rollout_panel");
  database.exec("update rollouts set panel_drawn_at = null");
  expect_one_outcome([this](Server& server) -> Result<void> {
    for (int round = 0; round < 2; ++round) {  // who is compared, and the look
      const auto looked = run(server.rollouts.measure(now));
      if (!looked) return looked.error();
    }
    return {};
  });
}

TEST_F(BrokenOff, Complete) {
  const auto id = started("1.1", {{"waves", {{{"share", 1}}}}});
  tick();
  report_all(id, "notified", "committed");
  run(pool.transact<AdvanceRollout>(id, std::nullopt, now)).value();
  expect_one_outcome(advances(id));
}

TEST_F(BrokenOff, TimeOut) {
  const auto id = started("1.1", {{"in_progress_timeout_s", 60}});
  tick();
  report_all(id, "notified", "downloading");
  pass(seconds(61));
  expect_one_outcome(advances(id));
}

TEST_F(BrokenOff, TryAgain) {
  const auto id =
      started("1.1", {{"abort", json::array()}, {"retry", {{"causes", {"*"}}, {"max_attempts", 2}, {"backoff_s", 1}}}});
  tick();
  report_all(id, "notified", "failed", "download");
  tick();
  pass(seconds(2));
  expect_one_outcome(advances(id));
}

TEST_F(BrokenOff, Join) {
  const auto id = started("1.1", {{"targets", "dynamic"}});
  tick();
  add_device("fp32-7");
  pass(seconds(11));
  expect_one_outcome(advances(id));
}

TEST_F(BrokenOff, CompleteAndStand) {
  const auto older = standing();
  const auto id = create("1.1", {{"waves", {{{"share", 1}}}}});
  operate(id, Operation::assign).value();
  pass(seconds(1));
  operate(id, Operation::start).value();
  for (int i = 0; i < 2; ++i) run(pool.transact<AdvanceRollout>(id, std::nullopt, now)).value();  // all have it already
  expect_one_outcome(advances(id));
  EXPECT_EQ(decisions(older, "unassign"), 1);
}

TEST_F(BrokenOff, JoinWhatStands) {
  standing();
  add_device("fp32-7");
  add_device("fp32-8");
  expect_one_outcome(takes_newcomers());
}

TEST_F(BrokenOff, LeaveOutAndTakeBack) {
  const auto id = standing();
  database.exec("update rollout_devices set state = 'failed', cause = 'superseded' where device_id = 'fp32-1'");
  database.exec("update rollout_waves set counts = '{\"succeeded\": 11, \"superseded\": 1}' where rollout_id = " +
                std::to_string(id));
  add_device("fp32-7");
  const auto trial = started("1.1");
  operate(trial, Operation::halt).value();
  database.exec("update rollout_devices set state = 'failed', cause = 'validate_rejected', finished_at = '" +
                to_rfc3339(now) + "' where device_id = 'fp32-7' and rollout_id = " + std::to_string(trial));
  database.exec("insert into rollout_newcomers (device_id) values ('fp32-1'), ('fp32-7')");
  expect_one_outcome(takes_newcomers());
  EXPECT_EQ(devices_in(id, "left_out"), std::vector<std::string>{"fp32-7"});
}

TEST_F(BrokenOff, StandDownAndDismiss) {
  const auto id = standing();
  for (int i = 7; i <= 9; ++i) add_device("fp32-" + std::to_string(i));
  tick();
  pass(seconds(1));
  report_all(id, "notified", "failed", "activate");
  add_device("int8-7");
  run(pool.transact<TakeNewcomers>(std::size_t{1000}, now)).value();
  expect_one_outcome(advances(id));
  EXPECT_EQ(decisions(id, "unassign"), 1);
  expect_one_outcome(advances(id));
  EXPECT_EQ(devices_in(id, "cancelled"), std::vector<std::string>{"int8-7"});
}

TEST_F(BrokenOff, DevicesThatAreRevokedLeave) {
  const auto id = started();
  tick();
  database.exec("update devices set revoked_at = now() where id = '" + devices_in(id, "notified").front() + "'");
  expect_one_outcome(advances(id));
}

TEST_F(BrokenOff, RolledBack) {
  const auto id = started();
  tick();
  report_all(id, "notified", "committed");
  operate(id, Operation::rollback).value();
  for (const auto& device : devices_in(id, "rolling_back")) serve(device, "1.0");
  expect_one_outcome(advances(id));
}

TEST_F(BrokenOff, AReleaseThatWasWithdrawn) {
  const auto id = started();
  tick();
  run(rollouts->withdraw({"digits", "1.1", "it overheats", "user:ada"}, now)).value();
  expect_one_outcome(advances(id));
}

// As of a fleet so large that a stop is told in slices.
TEST_F(BrokenOff, TheRestIsToldOfAStop) {
  const auto id = started();
  tick();
  database.exec("update rollouts set state = 'halted', told_up_to = '' where id = " + std::to_string(id));
  expect_one_outcome(advances(id));
}

// As of a fleet so large that it is planned in pieces.
TEST_F(BrokenOff, APlanInPieces) {
  const auto id = std::to_string(started());
  database.exec("delete from rollout_devices where rollout_id = " + id + " and device_id < 'int8'");
  database.exec("insert into rollout_plans (rollout_id) values (" + id + ")");
  expect_one_outcome([this](Server& server) -> Result<void> {
    for (;;) {
      const auto step = run(server.rollouts.plan_some(now));
      if (!step) return step.error();
      if (*step == PlanningService::Step::idle) return {};
    }
  });
}

TEST_F(BrokenOff, WhatDevicesReport) {
  const auto id = started();
  tick();
  wire::DeviceState document;
  document.device = devices_in(id, "notified").front();
  wire::ModelReport model;
  model.model = "digits";
  model.version = "1.0";
  model.digest = digest_of("1.0fp32");
  model.update.emplace();
  model.update->rollout = id;
  model.update->attempt = 1;
  model.update->version = "1.1";
  model.update->state = "rolled_back";
  model.update->cause = "probation_latency";
  document.models = {model};
  expect_one_outcome([this, document](Server& server) -> Result<void> {
    const auto moved = run(server.rollouts.take_reports({document}, now));
    if (!moved) return moved.error();
    return {};
  });
}

}  // namespace
}  // namespace argosy::server
