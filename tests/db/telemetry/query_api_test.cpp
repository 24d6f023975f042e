#include "server/telemetry/query/query_api.hpp"

#include <algorithm>
#include <map>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/access/role.hpp"
#include "server/db/db_pool.hpp"
#include "server/http/problem.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/telemetry/partition_store.hpp"
#include "server/telemetry/query/query_service.hpp"
#include "server/telemetry/stored/closing_store.hpp"
#include "server/telemetry/stored/packing_store.hpp"
#include "server/telemetry/stored/rollup_rows_store.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/window_rows.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;
using json = nlohmann::json;
using Parameters = std::map<std::string, std::string, std::less<>>;

const Instant end_of_range = parse_rfc3339("2026-03-01T12:00:00Z").value();

class TelemetryQueries : public ::testing::Test {
 protected:
  void SetUp() override {
    add_query_routes(router, queries);
    pqxx::work transaction(database.connection());
    KeepPartitions{end_of_range}(transaction);
    transaction.commit();
  }

  void add_device(const std::string& id, const std::string& site, const std::string& hardware_class = "cpu") {
    database.exec("insert into devices (id, hardware_class, labels) values ('" + id + "', '" + hardware_class +
                  "', jsonb_build_object('site', '" + site + "'))");
    database.exec("insert into device_state (device_id, presence) values ('" + id + "', 'online')");
    database.exec("insert into device_models (device_id, model, version) values ('" + id + "', 'digits', '1.0')");
  }

  struct Told {
    std::int64_t minutes_ago = 10;
    double latency_ms = 10;
    std::uint64_t count = 60;
    std::string version = "1.0";
    std::uint64_t later = 0;      // labels, all of them right, two hours after
    std::uint64_t estimated = 0;  // answers, at 0.8
  };
  void add_window(const std::string& device, const Told& told) {
    TakenWindow window{.device = device, .model = "digits", .version = told.version};
    window.started_at = end_of_range - std::chrono::minutes(told.minutes_ago);
    window.ended_at = window.started_at + Duration{60'000};
    window.count = told.count;
    window.labelled = 10;
    window.correct = 9;
    window.latency.add(told.latency_ms, told.count);
    window.numbers["queue"].add(told.latency_ms / 10);
    for (std::uint64_t i = 0; i < told.later; ++i) {
      window.numbers[std::string(wire::labels_later)].add(1);
      window.numbers[std::string(wire::labels_delay_s)].add(7200);
    }
    for (std::uint64_t i = 0; i < told.estimated; ++i) window.numbers[std::string(wire::estimated_accuracy)].add(0.8);
    test::add_window(database, window, ++seq);
  }
  void add_health(const std::string& device, std::int64_t minutes_ago, const std::string& sample) {
    database.exec("insert into health_samples (device_id, epoch, seq, at, sample) values ('" + device + "', 'e', " +
                  std::to_string(++seq) + ", '" + to_rfc3339(end_of_range - std::chrono::minutes(minutes_ago)) +
                  "', '" + sample + "')");
  }

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

  Result<Response> send(const std::string& what, Parameters query) {
    query.emplace("to", to_rfc3339(end_of_range));
    const Router::Match match = router.match(Method::get, "/api/v1/telemetry/" + what);
    Request request;
    request.query = std::move(query);
    request.principal = {Principal::Kind::user, "ada", Role::viewer};
    request.now = end_of_range;
    return test::run_task(io, match.route->handler(request));
  }
  std::string text(const std::string& what, Parameters query = {}) {
    auto answer = send(what, std::move(query));
    const Response response = answer ? std::move(*answer) : problem(answer.error());
    return std::get<std::string>(response.body);
  }
  json ask(const std::string& what, Parameters query = {}) { return json::parse(text(what, std::move(query))); }
  // All pieces of a stream.
  std::vector<std::string> pieces(Parameters query) {
    const auto response = send("export", std::move(query)).value();
    const auto& body = std::get<LiveBody>(response.body);
    EXPECT_TRUE(body.ends_by_itself);
    std::vector<std::string> all;
    for (;;) {
      auto piece = test::run_task(io, body.next()).value();
      if (piece.empty()) return all;
      all.push_back(std::move(piece));
    }
  }
  void a_fleet() {
    for (int i = 0; i < 3; ++i) {
      add_device("berlin-" + std::to_string(i), "berlin");
      add_window("berlin-" + std::to_string(i), {.latency_ms = 10.0 * (i + 1)});
    }
    add_device("oslo-0", "oslo", "gpu");
    add_window("oslo-0", {.minutes_ago = 40, .latency_ms = 5, .count = 600, .version = "1.1"});
    add_device("idle", "oslo");
  }

  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 2}};
  QueryService queries{pool};
  Router router;
  std::uint64_t seq = 0;
};

std::vector<double> measured_values(const json& line, const char* column = "value") {
  std::vector<double> values;
  for (const auto& value : line[column])
    if (!value.is_null()) values.push_back(value.get<double>());
  return values;
}

TEST_F(TelemetryQueries, ASeriesIsOfAllDevicesThatMatch) {
  a_fleet();
  const auto all = ask("series");
  EXPECT_EQ(all["devices"], 5);
  EXPECT_EQ(all["rows"], 4);
  EXPECT_EQ(all["step_s"], 60) << "no finer than the windows";
  ASSERT_EQ(all["groups"].size(), 1u);
  EXPECT_EQ(all["groups"][0]["devices"], 4);
  const auto berlin = ask("series", {{"filter", "labels.site = \"berlin\""}, {"points", "2"}});
  EXPECT_EQ(berlin["devices"], 3);
  const auto& line = berlin["groups"][0];
  ASSERT_EQ(measured_values(line).size(), 1u);
  EXPECT_NEAR(measured_values(line)[0], 30, 0.3);
  EXPECT_NEAR(measured_values(line, "p50")[0], 20, 0.2);
  EXPECT_NEAR(measured_values(line, "min")[0], 10, 0.1);
  EXPECT_NEAR(measured_values(line, "max")[0], 30, 0.3);
}

TEST_F(TelemetryQueries, GroupsAreSitesClassesVersionsAndDevices) {
  a_fleet();
  const auto names = [&](const char* by, const char* groups = "8") {
    std::vector<std::string> found;
    const json answer = ask("series", {{"by", by}, {"groups", groups}});
    for (const auto& line : answer["groups"]) found.push_back(line["group"]);
    return found;
  };
  EXPECT_EQ(names("labels.site"), (std::vector<std::string>{"oslo", "berlin"})) << "most inferences first";
  EXPECT_EQ(names("hardware_class"), (std::vector<std::string>{"gpu", "cpu"}));
  EXPECT_EQ(names("version"), (std::vector<std::string>{"1.1", "1.0"}));
  EXPECT_EQ(names("device"), (std::vector<std::string>{"oslo-0", "berlin-0", "berlin-1", "berlin-2"}));
  EXPECT_EQ(names("labels.none"), (std::vector<std::string>{""}));
  const auto few = ask("series", {{"by", "device"}, {"groups", "1"}});
  EXPECT_EQ(few["other"]["groups"], 3);
  EXPECT_EQ(few["other"]["n"], 180);
}

TEST_F(TelemetryQueries, OfModelAndVersionAloneAreRead) {
  a_fleet();
  EXPECT_EQ(ask("series", {{"model", "digits"}, {"version", "1.1"}})["rows"], 1);
  EXPECT_EQ(ask("series", {{"model", "other"}})["groups"].size(), 0u);
  EXPECT_EQ(
      measured_values(ask("series", {{"metric", "numbers.queue"}, {"points", "2"}, {"version", "1.0"}})["groups"][0]),
      std::vector<double>{2});
  EXPECT_EQ(measured_values(ask("series", {{"metric", "accuracy"}, {"points", "2"}, {"version", "1.0"}})["groups"][0],
                            "samples")
                .back(),
            30);
}

TEST_F(TelemetryQueries, ManySlicesComeToTheSameAsOne) {
  for (int i = 0; i < 60; ++i) {
    const auto id = "cam-" + std::to_string(100 + i);
    add_device(id, i % 2 == 0 ? "berlin" : "oslo");
    add_window(id, {.minutes_ago = 1 + i % 50, .latency_ms = 1.0 + i, .count = 10});
  }
  // 400 steps: 25 devices in a slice.
  const auto fine = ask("series", {{"by", "labels.site"}, {"points", "400"}, {"from", "2026-02-22T12:00:00Z"}});
  const auto coarse = ask("series", {{"by", "labels.site"}, {"points", "2"}, {"from", "2026-02-22T12:00:00Z"}});
  for (const char* what : {"rows", "devices"}) EXPECT_EQ(fine[what], 60) << what;
  for (int group = 0; group < 2; ++group) {
    EXPECT_EQ(fine["groups"][group]["n"], 300);
    EXPECT_EQ(coarse["groups"][group]["n"], 300);
    EXPECT_EQ(fine["groups"][group]["devices"], 30);
  }
}

TEST_F(TelemetryQueries, DaysThatAreAddedUpComeToTheSame) {
  database.exec("update telemetry_levels set days_until = '2026-02-26T00:00:00Z'");
  for (const char* device : {"cam-1", "cam-2"}) {
    add_device(device, "berlin");
    for (int window = 0; window < 40; ++window)
      add_window(device, {.minutes_ago = 30 + window * 100, .latency_ms = 5.0 + window, .count = 50});
  }
  const Parameters by_day{{"by", "device"}, {"points", "12"}, {"from", "2026-02-20T00:00:00Z"}};
  const json as_they_came = ask("series", by_day);
  const json worst_before = ask("worst", {{"from", "2026-01-20T00:00:00Z"}});
  ASSERT_EQ(as_they_came["step_s"], 86'400);
  EXPECT_EQ(as_they_came["rows"], 80);

  run(CloseHours{end_of_range + 2h});
  while (const auto table = run(FindWaiting{}).next)
    if (run(PackSlice{*table}).is_last) run(DropPacked{*table});
  while (!run(RollDay{end_of_range}).nothing_left) {
  }
  const json added_up = ask("series", by_day);
  EXPECT_LT(added_up["rows"], 40) << "days, and the hours of the last";
  EXPECT_EQ(added_up["groups"], as_they_came["groups"]);
  const json worst_after = ask("worst", {{"from", "2026-01-20T00:00:00Z"}});
  EXPECT_EQ(worst_after["items"], worst_before["items"]);
  EXPECT_EQ(worst_after["from"], "2026-01-20T00:00:00.000Z");
  EXPECT_EQ(worst_after["to"], "2026-03-02T00:00:00.000Z") << "rounded out to whole days";
}

TEST_F(TelemetryQueries, TheWorstAreInOrderAndMeasuredEnough) {
  a_fleet();
  add_device("three", "oslo");
  add_window("three", {.latency_ms = 900, .count = 3});
  const auto worst = ask("worst", {{"n", "2"}});
  ASSERT_EQ(worst["items"].size(), 2u);
  EXPECT_EQ(worst["items"][0]["device_id"], "berlin-2");
  EXPECT_EQ(worst["items"][0]["n"], 60);
  EXPECT_EQ(worst["items"][1]["device_id"], "berlin-1");
  EXPECT_EQ(worst["with_too_few"], 1);
  EXPECT_EQ(worst["measured"], 5);
  EXPECT_EQ(worst["devices"], 6);
  EXPECT_EQ(ask("worst", {{"least_samples", "1"}})["items"][0]["device_id"], "three");
  EXPECT_EQ(ask("worst", {{"worse", "lower"}})["items"][0]["device_id"], "oslo-0");
}

TEST_F(TelemetryQueries, AccuracyIsToldByVersionAndByKind) {
  for (const char* device : {"one", "two"}) add_device(device, "berlin");
  add_window("one", {.later = 10, .estimated = 40});
  add_window("two", {.later = 20});
  add_window("two", {.version = "1.1", .estimated = 10});
  const auto accuracy = ask("accuracy", {{"model", "digits"}});
  ASSERT_EQ(accuracy["versions"].size(), 2u) << accuracy;
  const auto& old = accuracy["versions"][0];
  EXPECT_EQ(old["version"], "1.0");
  EXPECT_EQ(old["devices"], 2);
  EXPECT_EQ(old["measured"]["labels"], 50);
  EXPECT_EQ(old["measured"]["later"], 30);
  EXPECT_EQ(old["measured"]["delay_s"], 7200.0);
  EXPECT_DOUBLE_EQ(old["measured"]["value"].get<double>(), 48.0 / 50);
  EXPECT_LT(old["measured"]["lower"], old["measured"]["value"]);
  EXPECT_GT(old["measured"]["upper"], old["measured"]["value"]);
  EXPECT_DOUBLE_EQ(old["estimated"]["value"].get<double>(), 0.8);
  EXPECT_EQ(old["estimated"]["answers"], 40);
  EXPECT_EQ(accuracy["versions"][1]["measured"]["later"], 0);
  EXPECT_EQ(accuracy["versions"][1]["measured"]["delay_s"], json());
  EXPECT_EQ(ask("accuracy", {})["status"], 400) << "of which model?";
  EXPECT_EQ(ask("accuracy", {{"model", "other"}})["versions"], json::array());

  const auto worst = ask("worst", {{"metric", "accuracy"}, {"least_samples", "5"}});
  EXPECT_EQ(worst["items"][0]["later"], 10) << worst;
  EXPECT_EQ(worst["items"][0]["delay_s"], 7200.0);
  EXPECT_FALSE(ask("worst", {})["items"][0].contains("later")) << "of latency";
}

TEST_F(TelemetryQueries, HealthIsOfDevicesAndOfNoModel) {
  a_fleet();
  for (int minute = 1; minute <= 4; ++minute) {
    add_health("berlin-0", minute, R"({"cpu_percent": 40, "power_w": 3})");
    add_health("berlin-1", minute, R"({"cpu_percent": 80})");
  }
  const auto line = ask("series", {{"metric", "health.cpu_percent"}, {"points", "2"}})["groups"][0];
  EXPECT_EQ(measured_values(line).back(), 60);
  EXPECT_EQ(measured_values(line, "min").back(), 40);
  EXPECT_EQ(line["devices"], 2);
  EXPECT_EQ(ask("series", {{"metric", "health.cpu_percent"}})["step_s"], 60) << "no finer than the samples";
  EXPECT_EQ(ask("worst", {{"metric", "health.cpu_percent"}})["items"][0]["device_id"], "berlin-1");
  EXPECT_EQ(ask("series", {{"metric", "health.cpu_percent"}, {"model", "digits"}})["status"], 400);
}

TEST_F(TelemetryQueries, FacetsCountExactlyWhatMatches) {
  a_fleet();
  database.exec("update devices set revoked_at = now() where id = 'idle'");
  const auto facets = ask("facets", {{"filter", "hardware_class = \"cpu\""}});
  EXPECT_EQ(facets["devices"], 3);
  std::map<std::string, json> fields;
  for (const auto& facet : facets["facets"]) fields[facet["field"]] = facet["values"];
  EXPECT_EQ(fields.at("labels.site"), json::parse(R"([{"value": "berlin", "devices": 3}])"));
  EXPECT_EQ(fields.at("model.digits"), json::parse(R"([{"value": "1.0", "devices": 3}])"));
  EXPECT_EQ(fields.at("presence"), json::parse(R"([{"value": "online", "devices": 3}])"));
  EXPECT_EQ(fields.at("hardware_class"), json::parse(R"([{"value": "cpu", "devices": 3}])"));
  for (int site = 0; site < 15; ++site) add_device("more-" + std::to_string(site), "site-" + std::to_string(site));
  const auto many = ask("facets");
  const auto sites = std::find_if(many["facets"].begin(), many["facets"].end(),
                                  [](const json& facet) { return facet["field"] == "labels.site"; });
  ASSERT_NE(sites, many["facets"].end());
  EXPECT_EQ((*sites)["values"].size(), 12u);
  EXPECT_EQ((*sites)["more"], 5) << "of 17 sites";
}

TEST_F(TelemetryQueries, AnExportIsEachWindowOnceByDeviceAndTime) {
  a_fleet();
  add_window("berlin-0", {.minutes_ago = 20});
  const auto all = pieces({{"filter", "labels.site = \"berlin\""}});
  ASSERT_EQ(all.size(), 2u) << "the head and what is there";
  std::vector<std::string> starts;
  for (std::size_t at = 0, next = 0; (next = all[1].find("\r\n", at)) != std::string::npos; at = next + 2)
    starts.push_back(all[1].substr(at, std::string("berlin-0,digits,1.0,2026-03-01T11:40").size()));
  EXPECT_EQ(starts,
            (std::vector<std::string>{"berlin-0,digits,1.0,2026-03-01T11:40", "berlin-0,digits,1.0,2026-03-01T11:50",
                                      "berlin-1,digits,1.0,2026-03-01T11:50", "berlin-2,digits,1.0,2026-03-01T11:50"}));
}

TEST_F(TelemetryQueries, ALargeExportComesInPieces) {
  add_device("cam-1", "berlin");
  database.exec(
      "insert into telemetry_windows (started_at, seq, epoch, device_id, model, version, figures) "
      "select '2026-02-26T12:00:00Z'::timestamptz + i * interval '1 minute', i, 1, 'cam-1', 'digits', '1.0', " +
      test::figures_sql({.count = 5}) + " from generate_series(1, 4000) i");
  const auto all = pieces({{"from", "2026-02-26T00:00:00Z"}});
  ASSERT_GT(all.size(), 2u);
  std::int64_t lines = 0;
  for (const auto& piece : all) {
    EXPECT_LT(piece.size(), 300'000u) << "a piece is no more than a day of one device over 64 KiB";
    lines += std::count(piece.begin(), piece.end(), '\n');
  }
  EXPECT_EQ(lines, 4001);
}

std::vector<std::string> lines_of(const std::vector<std::string>& pieces) {
  std::vector<std::string> lines;
  for (const auto& piece : pieces)
    for (std::size_t at = 0, next = 0; (next = piece.find("\r\n", at)) != std::string::npos; at = next + 2)
      lines.push_back(piece.substr(at, next - at));
  return lines;
}

TEST_F(TelemetryQueries, AnExportOfHoursOrDaysHasOneRowOfEach) {
  add_device("cam-1", "berlin");
  for (int window = 0; window < 12; ++window) add_window("cam-1", {.minutes_ago = 5 + window * 10});
  run(CloseHours{end_of_range + 2h});
  while (const auto table = run(FindWaiting{}).next)
    if (run(PackSlice{*table}).is_last) run(DropPacked{*table});
  add_window("cam-1", {.minutes_ago = 17});  // late: a second row of its hour
  for (const char* from : {"2026-03-01T10:10:00Z", "2026-03-01T10:00:00Z"}) {
    const auto hours = lines_of(pieces({{"rows", "hours"}, {"from", from}}));
    ASSERT_EQ(hours.size(), 3u) << "the head, and two hours that are told as whole ones";
    EXPECT_TRUE(hours[1].starts_with("cam-1,digits,1.0,2026-03-01T10:00:00.000Z,2026-03-01T10:06:00.000Z,360,"));
    EXPECT_TRUE(hours[2].starts_with("cam-1,digits,1.0,2026-03-01T11:00:00.000Z,2026-03-01T11:07:00.000Z,420,"));
  }
  const auto days = lines_of(pieces({{"rows", "days"}, {"from", "2026-03-01T11:59:00Z"}}));
  ASSERT_EQ(days.size(), 2u);
  EXPECT_TRUE(days[1].starts_with("cam-1,digits,1.0,2026-03-01T00:00:00.000Z,2026-03-01T00:13:00.000Z,780,"));
}

TEST_F(TelemetryQueries, ASeriesIsExportedAsRows) {
  a_fleet();
  const auto csv = text("export", {{"rows", "series"}, {"by", "labels.site"}, {"points", "2"}});
  EXPECT_TRUE(csv.starts_with("time,group,metric,value,")) << csv;
  EXPECT_NE(csv.find(",oslo,latency_p95,"), std::string::npos) << csv;
}

TEST_F(TelemetryQueries, WhatIsWrongIsSaid) {
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{{"metric", "mood"},
                                                                                    {"by", "colour"},
                                                                                    {"filter", "colour = red"},
                                                                                    {"points", "501"},
                                                                                    {"groups", "21"},
                                                                                    {"from", "2020-01-01T00:00:00Z"}})
    EXPECT_EQ(ask("series", {{name, value}})["status"], 400) << name;
  EXPECT_EQ(ask("worst", {{"worse", "sideways"}})["status"], 400);
  EXPECT_EQ(ask("export", {{"rows", "weeks"}})["status"], 400);
  const std::string wrong_way = ask("worst", {{"from", "2026-03-01T13:00:00Z"}})["detail"];
  EXPECT_EQ(wrong_way, "\"from\" (2026-03-01T13:00:00.000Z) must be before \"to\" (2026-03-01T12:00:00.000Z)");
  const std::string too_long = ask("export", {{"from", "2020-01-01T00:00:00Z"}})["detail"];
  EXPECT_NE(too_long.find("is over 400 days before"), std::string::npos) << too_long;
}

TEST_F(TelemetryQueries, OnlySoManyExportsAreUnderWay) {
  a_fleet();
  std::vector<Response> open;
  for (std::size_t i = 0; i < QueryService::exports_at_once; ++i) open.push_back(send("export", {}).value());
  EXPECT_EQ(ask("export")["status"], 429);
  open.pop_back();
  EXPECT_TRUE(send("export", {}));
}

}  // namespace
}  // namespace argosy::server
