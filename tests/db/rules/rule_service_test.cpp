#include "server/rules/rule_service.hpp"

#include <optional>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/access/permission.hpp"
#include "server/db/db_pool.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/rules/rule_api.hpp"
#include "server/telemetry/telemetry_service.hpp"
#include "tests/support/fleet_rows.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/window_rows.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using test::run_task;

const json gpu_hot = {{"name", "gpu_hot"},
                      {"title", "The GPU is too hot"},
                      {"metric", "health.gpu_temperature_c"},
                      {"condition", {{"kind", "above"}, {"at", 85}, {"clear_at", 75}}}};

class Rules : public ::testing::Test {
 protected:
  void SetUp() override {
    add_rule_routes(router, rules);
    ASSERT_TRUE(run_task(io, rules.tick(now)));
  }
  struct Answer {
    int status;
    json body;
    std::string etag;
  };
  Result<Answer> ask(Method method, const std::string& path, const json& body = nullptr,
                     std::optional<std::string> if_match = std::nullopt) {
    Request request;
    request.method = method;
    request.path = path;
    request.body = body.is_null() ? "" : body.dump();
    request.now = now;
    request.principal.kind = Principal::Kind::user;
    request.principal.name = "ada";
    if (if_match) request.headers["if-match"] = *if_match;
    auto match = router.match(method, path);
    if (match.route == nullptr) return make_error(Errc::not_found, "no route");
    request.params = match.params;
    auto response = run_task(io, match.route->handler(request));
    if (!response) return response.error();
    Answer answer{response->status, nullptr, ""};
    const auto& text = std::get<std::string>(response->body);
    if (!text.empty()) answer.body = json::parse(text);
    for (const auto& [name, value] : response->headers)
      if (name == "ETag") answer.etag = value;
    return answer;
  }
  Errc refused(Method method, const std::string& path, const json& body = nullptr,
               std::optional<std::string> if_match = std::nullopt) {
    const auto answer = ask(method, path, body, std::move(if_match));
    return answer ? Errc::internal : answer.error().code;
  }

  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 1}};
  RuleService rules{pool, {}, [](const AgainstUsual&) {}};
  Router router;
  Instant now = parse_rfc3339("2026-03-10T12:00:00Z").value();
};

TEST_F(Rules, TheShippedOnesAreThereOnce) {
  RuleService another(pool, {}, [](const AgainstUsual&) {});
  ASSERT_TRUE(run_task(io, another.tick(now)));
  const auto list = ask(Method::get, "/api/v1/rules").value().body["items"];
  ASSERT_EQ(list.size(), shipped_rules().size());
  EXPECT_EQ(list[0]["name"], "latency_doubled");
  EXPECT_EQ(list[0]["shipped"], true);
  EXPECT_EQ(list[0]["changed"], false);
  EXPECT_EQ(list[0]["firing"], 0);
}

TEST_F(Rules, AreMadeChangedAndDeletedWithVersionsAndAudit) {
  const auto made = ask(Method::post, "/api/v1/rules", gpu_hot).value();
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.etag, "\"1\"");
  EXPECT_EQ(refused(Method::post, "/api/v1/rules", gpu_hot), Errc::conflict);
  json hotter = made.body;
  hotter["condition"]["at"] = 95;
  const auto changed = ask(Method::patch, "/api/v1/rules/gpu_hot", hotter, made.etag).value();
  EXPECT_EQ(changed.body["version"], 2);
  EXPECT_EQ(changed.body["condition"]["at"], 95);
  EXPECT_EQ(refused(Method::patch, "/api/v1/rules/gpu_hot", hotter), Errc::precondition_required);
  EXPECT_EQ(refused(Method::patch, "/api/v1/rules/gpu_hot", hotter, "\"1\""), Errc::precondition_failed);
  EXPECT_EQ(ask(Method::patch, "/api/v1/rules/gpu_hot", hotter, "\"2\"").value().body["version"], 2)
      << "nothing changes";
  const auto versions = ask(Method::get, "/api/v1/rules/gpu_hot/versions").value().body["items"];
  ASSERT_EQ(versions.size(), 2u);
  EXPECT_EQ(versions[0]["what"], "changed");
  EXPECT_EQ(versions[1]["rule"]["condition"]["at"], 85);
  EXPECT_EQ(ask(Method::del, "/api/v1/rules/gpu_hot", nullptr, "*").value().status, 204);
  EXPECT_EQ(refused(Method::get, "/api/v1/rules/gpu_hot"), Errc::not_found);
  EXPECT_EQ(database.value<std::string>("select string_agg(action, ' ' order by id) from audit where object = "
                                        "'rule:gpu_hot'"),
            "rule.create rule.update rule.delete");
  EXPECT_EQ(ask(Method::post, "/api/v1/rules", gpu_hot).value().body["version"], 1) << "its name is free again";
}

TEST_F(Rules, AShippedOneIsDisabledOrResetButNotDeleted) {
  const json disabled = {{"name", "too_hot"}, {"enabled", false}, {"severity", "critical"}};
  EXPECT_EQ(ask(Method::patch, "/api/v1/rules/too_hot", disabled, "*").value().body["changed"], true);
  EXPECT_EQ(refused(Method::del, "/api/v1/rules/too_hot", nullptr, "*"), Errc::illegal_transition);
  EXPECT_EQ(ask(Method::post, "/api/v1/rules/too_hot/reset", nullptr, "*").value().body["changed"], false);
  ASSERT_TRUE(ask(Method::post, "/api/v1/rules", gpu_hot));
  EXPECT_EQ(refused(Method::post, "/api/v1/rules/gpu_hot/reset", nullptr, "*"), Errc::illegal_transition);
}

TEST_F(Rules, ThereAreNoMoreThanTheLimit) {
  database.exec("insert into rules (name, document, updated_at) select 'r' || n, '" + gpu_hot.dump() +
                "'::jsonb || '{\"enabled\": true, \"severity\": \"info\"}', now() from generate_series(1, 200) n");
  EXPECT_EQ(refused(Method::post, "/api/v1/rules", gpu_hot), Errc::conflict);
}

TEST_F(Rules, OfOneRuleTheNewestVersionsAreKept) {
  ASSERT_TRUE(ask(Method::post, "/api/v1/rules", gpu_hot));
  for (int i = 1; i <= 210; ++i) {
    json next = gpu_hot;
    next["condition"]["at"] = 100 + i;
    ASSERT_TRUE(ask(Method::patch, "/api/v1/rules/gpu_hot", next, "*"));
  }
  const auto versions = ask(Method::get, "/api/v1/rules/gpu_hot/versions").value().body["items"];
  EXPECT_EQ(versions.size(), rule_versions_limit);
  EXPECT_EQ(versions[0]["version"], 211);
}

TEST_F(Rules, APreviewTellsWhatWouldHaveFiredAndWhere) {
  TelemetryService telemetry{pool};
  for (const char* device : {"cam-1", "cam-2", "cam-3"}) test::add_device(database, device);
  ASSERT_TRUE(run_task(io, telemetry.tick(now)));
  // Two hot hours on cam-1, one on cam-2.
  database.exec(
      "insert into health_samples (device_id, epoch, seq, at, sample, received_at) "
      "select d.id, '0123456789abcdef', n, '2026-03-10T00:00:00Z'::timestamptz + n * interval '1 minute', "
      "jsonb_build_object('gpu_temperature_c', case when (d.id = 'cam-1' and n between 60 and 119) or "
      "(d.id <> 'cam-3' and n between 300 and 359) then 90 else 60 end), now() "
      "from devices d, generate_series(1, 600) n");
  const auto preview = ask(Method::post, "/api/v1/rules/preview", {{"rule", gpu_hot}}).value().body;
  EXPECT_EQ(preview["devices"], 3);
  EXPECT_EQ(preview["looked"], 3);
  EXPECT_EQ(preview["is_sample"], false);
  EXPECT_EQ(preview["figures"], 1800);
  EXPECT_EQ(preview["fired"], 3);
  EXPECT_EQ(preview["fired_devices"], 2);
  EXPECT_EQ(preview["items"][0]["device_id"], "cam-1");
  EXPECT_EQ(preview["items"][0]["fired"], 2);
  EXPECT_EQ(preview["items"][0]["firing_s"], 7200);
  EXPECT_EQ(preview["items"][0]["episodes"][0]["from"], "2026-03-10T01:00:00.000Z");
  json of_north = gpu_hot;
  of_north["filter"] = "labels.site = \"north\"";
  EXPECT_EQ(ask(Method::post, "/api/v1/rules/preview", {{"rule", of_north}}).value().body["devices"], 0);
  EXPECT_EQ(refused(Method::post, "/api/v1/rules/preview", {{"rule", {{"name", "drift"}}}}), Errc::invalid_argument);
  EXPECT_EQ(refused(Method::post, "/api/v1/rules/preview", {{"rule", gpu_hot}, {"from", "2026-01-01T00:00:00Z"}}),
            Errc::invalid_argument);
}

TEST_F(Rules, APreviewReadsWindowsAsTheEngineDoes) {
  TelemetryService telemetry{pool};
  test::add_device(database, "cam-1");
  ASSERT_TRUE(run_task(io, telemetry.tick(now)));
  for (int i = 0; i < 120; ++i) {
    TakenWindow window{.device = "cam-1", .model = "digits", .version = "1.0"};
    window.started_at = now - std::chrono::minutes(121 - i);
    window.ended_at = window.started_at + std::chrono::minutes(1);
    window.count = 100;
    window.latency.add(i >= 40 && i < 60 ? 150 : 20, 100);
    test::add_window(database, window, static_cast<std::uint64_t>(i + 1));
  }
  const json slow = {{"name", "slow"},
                     {"title", "Slow"},
                     {"metric", "latency_p95"},
                     {"condition", {{"kind", "above"}, {"at", 100}, {"clear_at", 50}}}};
  const auto preview = ask(Method::post, "/api/v1/rules/preview", {{"rule", slow}}).value().body;
  EXPECT_EQ(preview["figures"], 120);
  EXPECT_EQ(preview["fired"], 1);
  EXPECT_EQ(preview["items"][0]["model"], "digits");
  EXPECT_EQ(preview["items"][0]["firing_s"], 1200);
}

}  // namespace
}  // namespace argosy::server
