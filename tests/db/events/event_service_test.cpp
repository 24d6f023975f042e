#include "server/events/event_service.hpp"

#include <algorithm>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/db/db_pool.hpp"
#include "server/events/event_api.hpp"
#include "server/events/event_store.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "tests/support/fleet_rows.hpp"
#include "tests/support/run_task.hpp"

namespace argosy::server {
namespace {

using test::run_task;

class Events : public ::testing::Test {
 protected:
  void append(const std::string& message, const std::string& device = "cam-1", const std::string& kind = "test.event") {
    database.exec("insert into events (kind, device_id, message) values ('" + kind + "', '" + device + "', '" +
                  message + "')");
  }
  // Reads pieces until one holds `wanted`; everything that came.
  std::string read_until(LiveBody& body, const std::string& wanted) {
    std::string all;
    while (all.find(wanted) == std::string::npos) {
      const auto piece = run_task(io, body.next());
      if (!piece || piece->empty()) break;
      all += *piece;
    }
    return all;
  }
  LiveBody subscribe(const std::string& scope = "", std::optional<std::int64_t> last = std::nullopt) {
    return run_task(io, events->subscribe(parse_scope(scope).value(), last)).value();
  }
  static int count(const std::string& text, const std::string& part) {
    int found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
  }
  std::unique_ptr<EventService> instance() {
    return std::make_unique<EventService>(io.get_executor(), pool,
                                          EventOptions{.poll_interval = Duration{10},
                                                       .overview_interval = Duration{10},
                                                       .heartbeat = Duration{50},
                                                       .kept = 20,
                                                       .subscriber_limit = 3});
  }

  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 1}};
  std::unique_ptr<EventService> events = instance();
};

TEST_F(Events, AreListedNewestFirstAndFiltered) {
  for (int i = 1; i <= 5; ++i) append("number " + std::to_string(i), i % 2 == 1 ? "cam-1" : "cam-2");
  append("fires", "cam-1", "alert.firing");
  auto page = run_task(io, events->list({.limit = 2})).value();
  EXPECT_EQ(page.total, 6);
  EXPECT_TRUE(page.more);
  EXPECT_EQ(page.items.at(0).message, "fires");
  page = run_task(io, events->list({.before = page.items.at(1).position.id, .device = "cam-1"})).value();
  ASSERT_EQ(page.items.size(), 2u);
  EXPECT_EQ(page.items.at(0).message, "number 3");
  EXPECT_FALSE(page.more);
  EXPECT_EQ(run_task(io, events->list({.kind = "alert."})).value().items.size(), 1u);
  page = run_task(io, events->list({.after = 4})).value();
  EXPECT_EQ(page.items.at(0).message, "number 5") << "after: oldest first";
}

TEST_F(Events, TheListEndpointPages) {
  for (int i = 1; i <= 5; ++i) append("number " + std::to_string(i));
  append("of another", "cam-2");
  Router router;
  add_event_routes(router, *events);
  Request request;
  request.path = "/api/v1/devices/cam-1/events";
  const auto match = router.match(Method::get, request.path);
  request.params = match.params;
  request.query = {{"limit", "3"}};
  std::vector<std::string> messages;
  for (int pages = 0; pages < 2; ++pages) {
    const auto response = run_task(io, match.route->handler(request));
    ASSERT_TRUE(response);
    const auto page = nlohmann::json::parse(std::get<std::string>(response->body));
    EXPECT_EQ(page["total"], 5);
    for (const auto& item : page["items"]) messages.push_back(item["message"]);
    if (!page["next_cursor"].is_null()) request.query["cursor"] = page["next_cursor"].get<std::string>();
  }
  EXPECT_EQ(messages, (std::vector<std::string>{"number 5", "number 4", "number 3", "number 2", "number 1"}));
}

TEST_F(Events, AStreamGivesWhatComesAfterItsBeginning) {
  append("before");
  auto body = subscribe();
  events->start();
  append("first");
  append("second");
  const auto text = read_until(body, "second");
  EXPECT_EQ(text.find("before"), std::string::npos);
  EXPECT_LT(text.find("first"), text.find("second"));
  EXPECT_EQ(count(text, "event: event\n"), 2);
}

TEST_F(Events, ALastEventIdResumesEvenBehindWhatIsInMemory) {
  events->start();
  auto early = subscribe();
  for (int i = 1; i <= 100; ++i) append("number " + std::to_string(i) + ".");
  EXPECT_EQ(count(read_until(early, "number 100."), "event: event\n"), 100);
  auto resumed = subscribe("", 40);
  EXPECT_EQ(count(read_until(resumed, "number 100."), "event: event\n"), 60);
}

// A transaction that began earlier and commits later must not be passed over.
TEST_F(Events, NoEventIsPassedOverWhateverTheOrderOfCommits) {
  events->start();
  auto body = subscribe();
  append("ready");
  read_until(body, "ready");
  pqxx::connection slow_connection(database.conninfo());
  pqxx::work slow(slow_connection);
  slow.exec("insert into events (kind, message) values ('test.event', 'slow')");
  append("quick");
  const auto meanwhile = run_task(io, body.next());
  EXPECT_EQ(meanwhile->find("quick"), std::string::npos) << "held back until the slow one is settled";
  slow.commit();
  const auto text = *meanwhile + read_until(body, "quick");
  EXPECT_LT(text.find("slow"), text.find("quick"));
  EXPECT_EQ(count(text, "event: event\n"), 2);
}

TEST_F(Events, EveryInstanceStreamsAndEachReaderGetsEverything) {
  events->start();
  const auto follower = instance();
  follower->start();
  auto here = subscribe();
  auto there = run_task(io, follower->subscribe({}, std::nullopt)).value();
  for (int i = 1; i <= 30; ++i) append("number " + std::to_string(i) + ".");
  EXPECT_EQ(count(read_until(here, "number 30."), "event: event\n"), 30);
  EXPECT_EQ(count(read_until(there, "number 30."), "event: event\n"), 30);
  follower->stop();
}

TEST_F(Events, HintsComeForWhatIsWatchedOnly) {
  for (const char* device : {"cam-1", "cam-2"}) test::add_device(database, device);
  events->start();
  auto body = subscribe("device:cam-1,overview");
  append("ready");
  read_until(body, "ready");
  database.exec("update device_state set last_seen_at = now() where device_id = 'cam-2'");
  database.exec("update device_state set last_seen_at = now() where device_id = 'cam-1'");
  const auto text = read_until(body, "event: device\n");
  EXPECT_NE(text.find("event: device\ndata: {\"id\":\"cam-1\"}\n\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("cam-2"), std::string::npos);
  database.exec(
      "update device_state set last_seen_at = now() + interval '1 s' where device_id = 'cam-2'; "
      "select pg_stat_force_next_flush()");  // an idle session keeps its statistics for ten seconds
  EXPECT_NE(read_until(body, "event: overview\n").find("event: overview\n"), std::string::npos);
}

TEST_F(Events, ASilentStreamBreathes) {
  events->start();
  auto body = subscribe();
  EXPECT_NE(read_until(body, ": still here\n\n").find(": still here"), std::string::npos);
}

TEST_F(Events, AreBoundedInSubscribersAndEndWithTheService) {
  events->start();
  std::vector<LiveBody> bodies;
  for (int i = 0; i < 3; ++i) bodies.push_back(subscribe());
  EXPECT_EQ(run_task(io, events->subscribe({}, std::nullopt)).error().code, Errc::unavailable);
  bodies.pop_back();
  EXPECT_TRUE(run_task(io, events->subscribe({}, std::nullopt)));
  (void)run_task(io, bodies[0].next());
  bool ended = false;
  boost::asio::co_spawn(io, bodies[0].next(), [&](std::exception_ptr, Result<std::string> piece) {
    ended = piece && (piece->empty() || *piece == sse_heartbeat);
  });
  events->stop();
  EXPECT_TRUE(test::run_until(io, [&] { return ended; }));
}

TEST_F(Events, SurviveALostConnection) {
  events->start();
  auto body = subscribe();
  append("before the cut");
  read_until(body, "before the cut");
  database.disconnect_others();
  append("after the cut");
  EXPECT_NE(read_until(body, "after the cut").find("after the cut"), std::string::npos);
}

}  // namespace
}  // namespace argosy::server
