#include "server/notify/notify_service.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/db/db_pool.hpp"
#include "server/journal/journal_store.hpp"
#include "server/notify/delivery_store.hpp"
#include "server/work/worker_pool.hpp"
#include "tests/support/loopback_http.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/test_database.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

NewEvent plain(const std::string& kind, const std::string& message) {
  NewEvent event;
  event.kind = kind;
  event.severity = "warning";
  event.message = message;
  return event;
}

class NotifyServiceTest : public ::testing::Test {
 protected:
  NotifyServiceTest() {
    for (int i = 0; i < 3; ++i) {
      const std::string id = "cam-" + std::to_string(i);
      database.exec("insert into devices (id, hardware_class, labels) values ('" + id + "', 'cpu', '{\"site\": \"" +
                    (i < 2 ? "berlin" : "paris") + "\"}')");
      database.exec("insert into device_state (device_id) values ('" + id + "')");
    }
    options.courier.addresses = AddressRules::parse("127.0.0.0/8").value();
    options.courier.timeout = 3s;
    options.key_file = folder.path() / "notify.key";
    options.retry = {.first = 1ms, .most = 2ms, .give_up_after = 1h};
  }

  NotifyService& service() {
    if (!made) made = std::make_unique<NotifyService>(io.get_executor(), pool, worker, options);
    return *made;
  }
  json webhook(const std::string& url, json changes = json::object()) {
    json body{{"name", "hook"},
              {"kinds", {"alert.*", "rollout.*", "device.*", "notice.*"}},
              {"group_wait_s", 0},
              {"target", {{"kind", "webhook"}, {"url", url}}}};
    body.update(changes);
    return body;
  }
  MadeRoute make(const json& body) {
    return test::run_task(io, service().create(body.dump(), "user:ada", wall_clock_now())).value();
  }
  void append(NewEvent event) {
    pqxx::work transaction(database.connection());
    append_event(transaction, event);
    transaction.commit();
  }
  void append_dark(int device, const std::string& kind = "alert.firing") {
    append({.kind = kind,
            .severity = kind == "alert.firing" ? "critical" : "info",
            .device_id = "cam-" + std::to_string(device),
            .rollout_id = std::nullopt,
            .model = std::nullopt,
            .message = "cam-" + std::to_string(device) + " is gone",
            .details_json = R"({"rule": "gone_dark"})"});
  }
  void tick() { ASSERT_TRUE(test::run_task(io, service().tick(wall_clock_now()))); }
  // Ticks until the condition of a statement holds.
  bool tick_until(const std::string& condition) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!database.value<bool>("select " + condition)) {
      if (std::chrono::steady_clock::now() > end) return false;
      tick();
      test::run_until(
          io, [] { return false; }, 5ms);
    }
    return true;
  }
  std::int64_t count(const std::string& of) { return database.value<std::int64_t>("select count(*) from " + of); }

  test::TestDatabase database;
  test::TemporaryFolder folder;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 2}};
  WorkerPool worker{io.get_executor(), {.threads = 1, .queue_limit = 16}};
  NotifyOptions options;
  std::unique_ptr<NotifyService> made;
};

TEST_F(NotifyServiceTest, AnEventIsInTheOutboxWithItsTransactionAndOnlyIfSomebodyWantsIt) {
  append_dark(0);
  EXPECT_EQ(count("untold_events"), 0) << "there is no route";
  make(webhook("http://127.0.0.1:1/"));
  {
    pqxx::work undone(database.connection());
    append_event(undone, plain("alert.firing", "never happened"));
  }
  EXPECT_EQ(count("untold_events"), 0);
  append_dark(0);
  append(plain("update.state", "nobody asked"));
  EXPECT_EQ(count("untold_events"), 1);
}

// The first event has the lower number and is committed last: a cursor over numbers would pass it over.
TEST_F(NotifyServiceTest, NoEventIsPassedOverInWhateverOrderTransactionsCommit) {
  make(webhook("http://127.0.0.1:1/"));
  pqxx::connection slow_connection(database.conninfo());
  pqxx::work slow(slow_connection);
  slow.exec0("insert into events (kind, message) values ('alert.firing', 'the slow one')");
  append_dark(1);
  tick();
  EXPECT_EQ(count("deliveries"), 1);
  slow.commit();
  EXPECT_TRUE(tick_until("count(*) = 2 from deliveries"));
  EXPECT_EQ(count("untold_events"), 0);
}

TEST_F(NotifyServiceTest, DeliversOnceWithItsKeyAndLogsTheAttempt) {
  const test::LoopbackHttp receiver([](const std::string&) { return test::HttpAnswer{200, "thanks"}; });
  const MadeRoute route = make(webhook(receiver.url() + "/hook"));
  EXPECT_TRUE(route.secret.starts_with("whsec_"));
  append_dark(0);
  ASSERT_TRUE(tick_until("count(*) = 1 from deliveries where state = 'delivered'"));
  EXPECT_EQ(receiver.requests(), std::vector<std::string>{"POST /hook"});
  const auto id = database.value<std::int64_t>("select id from deliveries");
  const DeliveryInFull whole = test::run_task(io, service().delivery(id)).value();
  EXPECT_TRUE(whole.delivery.key.starts_with("msg_"));
  ASSERT_EQ(whole.attempts.size(), 1u);
  EXPECT_EQ(whole.attempts[0].status, 200);
  EXPECT_EQ(whole.attempts[0].answer, "thanks");
  ASSERT_EQ(whole.events.size(), 1u);
  EXPECT_EQ(whole.events[0].site, "berlin");
  EXPECT_EQ(database.value<int>("select waiting + waiting_bytes from notice_route_states"), 0);
}

TEST_F(NotifyServiceTest, TriesAgainUntilItArrives) {
  std::atomic<int> asked = 0;
  const test::LoopbackHttp receiver([&](const std::string&) { return test::HttpAnswer{++asked < 4 ? 500 : 200, "x"}; });
  make(webhook(receiver.url()));
  append_dark(0);
  ASSERT_TRUE(tick_until("count(*) = 1 from deliveries where state = 'delivered'"));
  EXPECT_EQ(count("delivery_attempts"), 4);
  EXPECT_EQ(database.value<int>("select attempts from deliveries"), 4);
  EXPECT_EQ(database.value<int>("select failures from notice_route_states"), 0);
}

TEST_F(NotifyServiceTest, ADeadReceiverIsGivenUpInTheEndAndThatIsAnEvent) {
  options.retry.give_up_after = 1ms;
  make(webhook("http://127.0.0.1:1/", {{"kinds", {"alert.*"}}}));
  append_dark(0);
  ASSERT_TRUE(tick_until("count(*) = 1 from deliveries where state = 'given_up'"));
  EXPECT_EQ(database.value<std::string>("select details ->> 'route' from events where kind = 'notice.given_up'"),
            "hook");
  EXPECT_EQ(database.value<int>("select waiting from notice_route_states"), 0);
  EXPECT_NE(database.value<std::string>("select last_error from deliveries"), "");
}

TEST_F(NotifyServiceTest, ThatAMessageAboutMessagesIsGivenUpMakesNoMore) {
  options.retry.give_up_after = 1ms;
  make(webhook("http://127.0.0.1:1/", {{"kinds", {"notice.*"}}}));
  append(plain("notice.given_up", "of another route"));
  ASSERT_TRUE(tick_until("count(*) = 1 from deliveries where state = 'given_up'"));
  EXPECT_EQ(count("events where kind = 'notice.given_up'"), 1);
}

TEST_F(NotifyServiceTest, TheEndOfAnAlertWaitsForItsBeginning) {
  std::atomic<bool> is_well = false;
  const test::LoopbackHttp receiver([&](const std::string&) { return test::HttpAnswer{is_well ? 200 : 503, "x"}; });
  options.retry = {.first = 200ms, .most = 400ms, .give_up_after = 1h};
  make(webhook(receiver.url()));
  append_dark(0);
  ASSERT_TRUE(tick_until("count(*) >= 1 from delivery_attempts"));
  append_dark(0, "alert.resolved");
  is_well = true;
  ASSERT_TRUE(tick_until("count(*) = 2 from deliveries where state = 'delivered'"));
  EXPECT_TRUE(
      database.value<bool>("select a.ended_at <= b.ended_at from deliveries a, deliveries b where a.id < b.id"));
}

TEST_F(NotifyServiceTest, AnAlertLeadsToItsDeliveriesOrSaysWhyThereAreNone) {
  const auto alert = [&](const std::string& columns, const std::string& values) {
    return database.value<std::int64_t>(
        "insert into alerts (rule, severity, device_id, state, message, opened_at" + columns +
        ") values ('gone_dark', 'critical', 'cam-0', 'firing', 'gone', now()" + values + ") returning id");
  };
  const auto telling = [&](std::int64_t id) { return test::run_task(io, service().telling(id)).value(); };
  const auto tell = [&](std::int64_t id, const std::string& kind) {
    NewEvent event = plain(kind, "cam-0 is gone");
    event.details_json = json{{"alert", id}, {"rule", "gone_dark"}}.dump();
    append(event);
  };
  const auto told = alert(", told_at", ", now()");
  EXPECT_EQ(to_string(why_untold(*telling(told).untold)), "no_route");
  make(webhook("http://127.0.0.1:1/", {{"kinds", {"alert.firing", "alert.resolved"}}}));
  tell(told, "alert.firing");
  EXPECT_EQ(to_string(why_untold(*telling(told).untold)), "waits");
  tick();
  tell(told, "alert.resolved");
  tick();
  const auto found = telling(told);
  EXPECT_FALSE(found.untold);
  ASSERT_EQ(found.deliveries.size(), 2U);
  EXPECT_EQ(found.deliveries[0].kinds, std::vector<std::string>{"alert.resolved"});
  EXPECT_EQ(found.deliveries[1].kinds, std::vector<std::string>{"alert.firing"});
  EXPECT_EQ(test::run_task(io, service().deliveries({.alert = told})).value().total, 2);
  EXPECT_EQ(test::run_task(io, service().deliveries({.alert = told + 1})).value().total, 0);
  database.exec("update alerts set state = 'resolved'");
  EXPECT_EQ(to_string(why_untold(*telling(alert(", silenced_by", ", 12")).untold)), "silenced");
  EXPECT_EQ(test::run_task(io, service().telling(9999)).error().code, Errc::not_found);
}

TEST_F(NotifyServiceTest, ARouteIsTriedOnWhatHappenedBeforeItIsMade) {
  for (int i = 0; i < 3; ++i) append_dark(i);
  append(plain("update.state", "no kind of it"));
  append(plain("alert.firing", "long ago"));
  database.exec("update events set at = now() - interval '8 days' where message = 'long ago'");
  const auto preview = [&](std::optional<std::int64_t> route, const json& body) {
    return test::run_task(io, service().preview(route, body.dump(), wall_clock_now())).value();
  };
  const auto of_new = preview({}, webhook("http://127.0.0.1:1/"));
  EXPECT_EQ(of_new.events, 3U);
  EXPECT_FALSE(of_new.is_cut);
  const auto route = make(webhook("http://127.0.0.1:1/")).route;
  const auto of_change = preview(route.id, {{"filter", "labels.site = \"berlin\""}});
  EXPECT_EQ(of_change.events, 2U);
  EXPECT_EQ(of_change.newest.front().event.message, "cam-1 is gone");
  EXPECT_EQ(test::run_task(io, service().preview(route.id, R"({"kinds": []})", wall_clock_now())).error().code,
            Errc::invalid_argument);
  EXPECT_EQ(test::run_task(io, service().route(route.id)).value().version, 1) << "nothing is changed";
}

TEST_F(NotifyServiceTest, OneDeadRouteCostsTheOthersNothing) {
  std::atomic<bool> go_on = false;
  const test::LoopbackHttp dead([&](const std::string&) {
    while (!go_on) std::this_thread::yield();
    return test::HttpAnswer{};
  });
  const test::LoopbackHttp well([](const std::string&) { return test::HttpAnswer{}; });
  make(webhook(dead.url(), {{"name", "dead"}}));
  make(webhook(well.url(), {{"name", "well"}}));
  for (int i = 0; i < 20; ++i) append_dark(i % 3);
  EXPECT_TRUE(tick_until("count(*) = 20 from deliveries where state = 'delivered'"));
  EXPECT_EQ(dead.requests().size(), 1u) << "one message at a time";
  go_on = true;
}

TEST_F(NotifyServiceTest, GathersWhatBelongsTogether) {
  const test::LoopbackHttp receiver([](const std::string&) { return test::HttpAnswer{}; });
  make(webhook(receiver.url(), {{"group_wait_s", 3600}}));
  for (int i = 0; i < 3; ++i) append_dark(i);
  tick();
  append_dark(1);
  tick();
  EXPECT_EQ(count("deliveries where gathers"), 2) << "Berlin and Paris";
  EXPECT_EQ(database.value<int>("select events from deliveries where line like '%berlin'"), 3);
  database.exec("update deliveries set due_at = now() - interval '1 s'");
  ASSERT_TRUE(tick_until("count(*) = 2 from deliveries where state = 'delivered'"));
  append_dark(0);
  tick();
  EXPECT_EQ(count("deliveries where gathers"), 1) << "what was read to be sent takes no more";
}

TEST_F(NotifyServiceTest, AsManyWaitAsMayAndTheOldestMakesRoom) {
  options.waiting.deliveries = 5;
  make(webhook("http://127.0.0.1:1/", {{"kinds", {"alert.*"}}, {"enabled", true}}));
  options.retry.first = 1h;
  for (int i = 0; i < 12; ++i) append_dark(i % 3);
  tick();
  EXPECT_EQ(count("deliveries where state = 'given_up'"), 7);
  EXPECT_EQ(database.value<int>("select waiting from notice_route_states"), 5);
  EXPECT_TRUE(
      database.value<bool>("select max(id) filter (where state = 'given_up') < min(id) filter (where state = "
                           "'waiting') from deliveries"));
}

TEST_F(NotifyServiceTest, ATestTellsWhetherItArrivesAndIsTriedOnce) {
  const MadeRoute route = make(webhook("http://127.0.0.1:1/", {{"enabled", false}}));
  const Delivery test = test::run_task(io, service().send_test(route.route.id, "user:ada", wall_clock_now())).value();
  EXPECT_FALSE(test::run_task(io, service().send_test(route.route.id, "user:ada", wall_clock_now())));
  ASSERT_TRUE(tick_until("count(*) = 1 from deliveries where state = 'given_up'"));
  const DeliveryInFull whole = test::run_task(io, service().delivery(test.id)).value();
  EXPECT_EQ(whole.attempts.size(), 1u);
  EXPECT_EQ(count("events where kind = 'notice.given_up'"), 0);
}

TEST_F(NotifyServiceTest, DeliversAgainWithTheSameKey) {
  const test::LoopbackHttp receiver([](const std::string&) { return test::HttpAnswer{}; });
  make(webhook(receiver.url()));
  append_dark(0);
  ASSERT_TRUE(tick_until("count(*) = 1 from deliveries where state = 'delivered'"));
  const auto key = database.value<std::string>("select key from deliveries");
  const auto id = database.value<std::int64_t>("select id from deliveries");
  ASSERT_TRUE(test::run_task(io, service().redeliver(id, "user:ada", wall_clock_now())));
  ASSERT_TRUE(tick_until("count(*) = 2 from delivery_attempts"));
  ASSERT_TRUE(tick_until("count(*) = 1 from deliveries where state = 'delivered'"));
  EXPECT_EQ(database.value<std::string>("select key from deliveries"), key);
  EXPECT_EQ(database.value<int>("select waiting + waiting_bytes from notice_route_states"), 0);
}

TEST_F(NotifyServiceTest, NoSecretIsInTheClearInTheDatabaseOrTheAudit) {
  const json mail{{"kind", "email"},       {"host", "mail.example.com"}, {"user", "argosy"},
                  {"password", "hunter2"}, {"from", "a@example.com"},    {"to", {"b@example.com"}}};
  const MadeRoute mailed = make(webhook("", {{"name", "mail"}, {"target", mail}}));
  const MadeRoute hooked = make(webhook("https://example.com/"));
  const auto all = database.value<std::string>(
      "select (select string_agg(r::text, '') from notice_routes r) || (select string_agg(a::text, '') from audit a)");
  EXPECT_EQ(all.find("hunter2"), std::string::npos);
  EXPECT_EQ(all.find(hooked.secret.substr(6)), std::string::npos);
  EXPECT_EQ(route_to_json(mailed.route).dump().find("hunter2"), std::string::npos);
}

TEST_F(NotifyServiceTest, AChangeNeedsTheVersionThatWasReadAndLeavesAnAuditRow) {
  const MadeRoute route = make(webhook("https://example.com/"));
  const auto change = [&](std::optional<std::int64_t> version) {
    return test::run_task(
        io, service().update(route.route.id, version, R"({"group_wait_s": 5})", "user:ada", wall_clock_now()));
  };
  EXPECT_EQ(change(1).value().version, 2);
  EXPECT_EQ(change(1).error().code, Errc::precondition_failed);
  EXPECT_EQ(change({}).value().version, 3);
  const MadeRoute rotated =
      test::run_task(io, service().rotate(route.route.id, 24h, "user:ada", wall_clock_now())).value();
  EXPECT_NE(rotated.secret, route.secret);
  EXPECT_EQ(database.value<std::string>("select string_agg(action, ' ' order by id) from audit"),
            "route.create route.update route.update route.rotate");
  ASSERT_TRUE(test::run_task(io, service().remove(route.route.id, "user:ada")));
  EXPECT_EQ(test::run_task(io, service().route(route.route.id)).error().code, Errc::not_found);
}

TEST_F(NotifyServiceTest, ThereAreNeverMoreRoutesThanMayBe) {
  for (std::size_t i = 0; i < most_routes; ++i)
    make(webhook("https://example.com/", {{"name", "r" + std::to_string(i)}}));
  const auto one_more =
      test::run_task(io, service().create(webhook("https://example.com/").dump(), "user:ada", wall_clock_now()));
  EXPECT_EQ(one_more.error().code, Errc::illegal_transition);
  database.exec("delete from notice_routes where name = 'r0'");
  const auto taken = test::run_task(
      io, service().create(webhook("https://example.com/", {{"name", "r1"}}).dump(), "user:ada", wall_clock_now()));
  EXPECT_EQ(taken.error().code, Errc::conflict);
}

TEST_F(NotifyServiceTest, AnAlertmanagerIsToldAgainWhileAnAlertFires) {
  const test::LoopbackHttp receiver([](const std::string&) { return test::HttpAnswer{}; });
  make(webhook("", {{"kinds", {"alert.*"}}, {"target", {{"kind", "alertmanager"}, {"url", receiver.url()}}}}));
  const auto alert = database.value<std::int64_t>(
      "insert into alerts (rule, severity, device_id, state, message, opened_at) values ('gone_dark', 'critical', "
      "'cam-0', 'firing', 'x', now()) returning id");
  const auto tell = [&](const char* kind) {
    append({.kind = kind,
            .severity = "info",
            .device_id = "cam-0",
            .rollout_id = std::nullopt,
            .model = std::nullopt,
            .message = "x",
            .details_json = json{{"alert", alert}, {"rule", "gone_dark"}}.dump()});
  };
  tell("alert.firing");
  ASSERT_TRUE(tick_until("count(*) = 1 from told_alerts"));
  const Instant later = wall_clock_now() + alertmanager_again + 1s;
  ASSERT_TRUE(test::run_task(io, service().refresh_alertmanagers(later)));
  EXPECT_EQ(receiver.requests().size(), 2u);
  ASSERT_TRUE(test::run_task(io, service().refresh_alertmanagers(later + 1s)));
  EXPECT_EQ(receiver.requests().size(), 2u) << "not yet again";
  tell("alert.resolved");
  ASSERT_TRUE(tick_until("count(*) = 0 from told_alerts"));
}

}  // namespace
}  // namespace argosy::server
