#include "server/db/migrations.hpp"

#include <thread>

#include <gtest/gtest.h>

#include "tests/support/test_database.hpp"

namespace argosy::server {
namespace {

using test::TestDatabase;
using Names = std::vector<std::string>;

const std::vector<Migration> two = {{"0001_a.sql", "create table a (id int)"},
                                    {"0002_b.sql", "create table b (id int); insert into b values (7)"}};

TEST(Migrations, BuiltInOnesMakeTheSchemaAndAreAppliedOnce) {
  TestDatabase database(TestDatabase::Schema::empty);
  const Names applied = migrate(database.conninfo(), built_in_migrations()).value();
  ASSERT_FALSE(applied.empty());
  EXPECT_EQ(applied.front(), "0001_initial.sql");
  EXPECT_EQ(database.value<int>("select count(*) from devices"), 0);
  EXPECT_EQ(migrate(database.conninfo(), built_in_migrations()).value(), Names{});
}

// What a server of the first schema left behind is as it was, and goes on.
TEST(Migrations, TheSecondTakesADatabaseInUse) {
  TestDatabase database(TestDatabase::Schema::empty);
  auto migrations = built_in_migrations();
  ASSERT_GE(migrations.size(), 2U);
  ASSERT_TRUE(migrate(database.conninfo(), {migrations[0]}));
  database.exec(R"(
    insert into blobs (digest, size) values ('old', 10), ('new', 10), ('newer', 10), ('made', 3);
    insert into models (name) values ('digits');
    insert into releases (model, version, created_by) values ('digits', '1.0', 'x');
    insert into variants (release_id, name, digest, size, format) select id, 'fp32', 'old', 10, 'onnx' from releases;
    insert into patches (from_digest, to_digest, state, codec, digest, size) values ('old', 'new', 'ready', 'bsdiff', 'made', 3);
    insert into patches (from_digest, to_digest, state, reason) values ('old', 'newer', 'failed', 'io');
    insert into patches (from_digest, to_digest, state) values ('new', 'old', 'making');
    insert into patches (from_digest, to_digest, state, codec, digest, size) values ('newer', 'new', 'ready', 'tensor', 'made', 3);
  )");
  const Names applied = migrate(database.conninfo(), migrations).value();
  ASSERT_FALSE(applied.empty());
  EXPECT_EQ(applied.front(), "0002_patches.sql");
  EXPECT_EQ(database.value<std::string>("select string_agg(digest, ' ' order by digest) from blobs where patch"),
            "made");
  EXPECT_EQ(database.value<int>("select count(*) from patches where state = 'failed' and retry_at <= now()"), 1);
  EXPECT_EQ(database.value<int>("select count(*) from patches where attempts = 0 and trials = '[]'"), 4);
  EXPECT_EQ(database.value<int>("select count(*) from variants where compact is null"), 1);
  EXPECT_EQ(database.value<int>("select count(*) from patches where offered_to is null"), 4);
  EXPECT_EQ(database.value<int>("select count(*) from patches where state = 'pending' and digest is null"), 1)
      << "a tensor patch of the first format is made anew";
  database.exec("update patches set state = 'cancelled' where state = 'making'");
}

TEST(Migrations, OnlyTheMissingOnesAreApplied) {
  TestDatabase database(TestDatabase::Schema::empty);
  EXPECT_EQ(migrate(database.conninfo(), {two[0]}).value(), Names{"0001_a.sql"});
  EXPECT_EQ(migrate(database.conninfo(), two).value(), Names{"0002_b.sql"});
  EXPECT_EQ(database.value<int>("select id from b"), 7);
}

TEST(Migrations, AFailingOneLeavesNothingBehindAndNamesItself) {
  TestDatabase database(TestDatabase::Schema::empty);
  const auto result =
      migrate(database.conninfo(), {two[0], {"0002_bad.sql", "create table c (id int); select nonsense"}});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("0002_bad.sql"), std::string::npos) << result.error().message;
  EXPECT_FALSE(database.value<bool>("select to_regclass('c') is not null"));
  EXPECT_TRUE(database.value<bool>("select to_regclass('a') is not null"));
}

TEST(Migrations, AnEditedOneIsRefused) {
  TestDatabase database(TestDatabase::Schema::empty);
  migrate(database.conninfo(), two).value();
  const auto result = migrate(database.conninfo(), {two[0], {"0002_b.sql", "create table b (id bigint)"}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::conflict);
}

TEST(Migrations, ADatabaseOfANewerProgramIsRefused) {
  TestDatabase database(TestDatabase::Schema::empty);
  migrate(database.conninfo(), two).value();
  const auto result = migrate(database.conninfo(), {two[0]});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("newer"), std::string::npos) << result.error().message;
}

TEST(Migrations, InstancesThatStartTogetherMigrateOnce) {
  TestDatabase database(TestDatabase::Schema::empty);
  std::vector<Result<Names>> results(4, make_error(Errc::internal, "not run"));
  {
    std::vector<std::jthread> threads;
    for (auto& result : results) {
      threads.emplace_back([&result, &database] { result = migrate(database.conninfo(), two); });
    }
  }
  std::size_t applied = 0;
  for (const auto& result : results) applied += result.value().size();
  EXPECT_EQ(applied, two.size());
}

}  // namespace
}  // namespace argosy::server
