#include "server/rollouts/store/acknowledgement_store.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "server/db/migrations.hpp"
#include "tests/support/test_database.hpp"

namespace argosy::server {
namespace {

using test::TestDatabase;

constexpr const char* the_migration = "0021_acknowledgements.sql";

Acknowledged load(TestDatabase& database, std::int64_t rollout) {
  pqxx::work transaction(database.connection());
  return load_acknowledged(transaction, rollout);
}

void add_rollouts(TestDatabase& database) {
  database.exec("insert into models (name) values ('digits')");
  database.exec("insert into releases (model, version, created_by) values ('digits', '1.0', 'x')");
  database.exec(
      "insert into rollouts (id, name, model, release_id, policy, seed, created_by) overriding system value "
      "select n, 'r', 'digits', l.id, '{}', 1, 'x' from generate_series(1, 5) n, releases l");
}

void add_decision(TestDatabase& database, int rollout, const std::string& actor, const std::string& inputs) {
  database.exec("insert into rollout_decisions (rollout_id, actor, rule, decision, message, inputs) values (" +
                std::to_string(rollout) + ", '" + actor + "', 'operator', 'resume', '', '" + inputs + "')");
}

TEST(Acknowledgements, AreCarriedOverFromTheDecisionLogByTheMigration) {
  TestDatabase database(TestDatabase::Schema::empty);
  auto before = built_in_migrations();
  std::erase_if(before, [](const Migration& one) { return one.name >= the_migration; });
  ASSERT_TRUE(migrate(database.conninfo(), before));
  add_rollouts(database);
  add_decision(database, 1, "user:ada", R"({"acknowledged": {"failures": [1, 2], "guards": ["accuracy"]}})");
  add_decision(database, 1, "user:bob",
               R"({"acknowledged": {"failures": [3, 4], "guards": ["latency_p95", "error_rate", "luck"]}})");
  add_decision(database, 1, "engine", R"({"counts": {"succeeded": 3}})");
  add_decision(database, 2, "engine", "{}");
  add_decision(database, 3, "user:ada", R"({"acknowledged": "yes"})");
  add_decision(database, 4, "user:ada", R"({"acknowledged": {"failures": ["many"], "guards": ["accuracy"]}})");
  ASSERT_TRUE(migrate(database.conninfo(), built_in_migrations()));

  const auto seen = load(database, 1);
  EXPECT_EQ(seen.failures, (std::vector<std::int64_t>{3, 4})) << "the last one counts";
  EXPECT_EQ(seen.guards, (std::vector<GuardedMetric>{GuardMetric::latency_p95, GuardMetric::error_rate}));
  EXPECT_EQ(database.value<std::string>("select actor from rollout_acknowledgements where rollout_id = 1"), "user:bob");
  for (const int rollout : {2, 3, 4, 5}) {
    EXPECT_TRUE(load(database, rollout).failures.empty()) << rollout;
    EXPECT_TRUE(load(database, rollout).guards.empty()) << rollout;
  }
  EXPECT_EQ(database.value<int>("select count(*) from rollout_decisions"), 6) << "the log stays as it was";
}

TEST(Acknowledgements, TheLastOneIsKeptAndGoesWithItsRollout) {
  TestDatabase database;
  add_rollouts(database);
  for (const std::int64_t failures : {1, 7}) {
    pqxx::work transaction(database.connection());
    keep_acknowledged(transaction, 1, "user:ada", {{failures}, {GuardMetric::accuracy}}, wall_clock_now());
    transaction.commit();
  }
  EXPECT_EQ(load(database, 1).failures, std::vector<std::int64_t>{7});
  EXPECT_EQ(load(database, 1).guards, std::vector<GuardedMetric>{GuardMetric::accuracy});
  EXPECT_TRUE(load(database, 2).failures.empty());
  database.exec("delete from rollouts where id = 1");
  EXPECT_EQ(database.value<int>("select count(*) from rollout_acknowledgements"), 0);
}

}  // namespace
}  // namespace argosy::server
