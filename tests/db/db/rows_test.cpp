#include "server/db/rows.hpp"

#include <gtest/gtest.h>

#include "server/db/db_pool.hpp"
#include "server/db/statement.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/test_database.hpp"

namespace argosy::server {
namespace {

using test::run_task;
using test::TestDatabase;

class RowsTest : public ::testing::Test {
 protected:
  TestDatabase database{TestDatabase::Schema::empty};

  Instant time(const std::string& sql) { return database.value<Instant>("select " + sql); }
};

TEST_F(RowsTest, ATimeComesBackAsItWentIn) {
  pqxx::work transaction(database.connection());
  for (const Instant at : {earliest_instant, latest_instant, instant_from_ms(1'769'851'800'250)})
    EXPECT_EQ(transaction.exec_params1("select $1::timestamptz", at)[0].as<Instant>(), at);
}

TEST_F(RowsTest, MicrosecondsAreRoundedAsPostgresRounds) {
  for (const std::string at : {"2026-01-31 09:30:00.000499+00", "2026-01-31 09:30:00.0005+00",
                               "2026-01-31 23:59:59.9995+00", "1969-12-31 23:59:59.9985+00", "0001-01-01 00:00:00+00"})
    EXPECT_EQ(to_ms(time("'" + at + "'::timestamptz")),
              database.value<std::int64_t>("select (extract(epoch from '" + at + "'::timestamptz) * 1000)::bigint"))
        << at;
}

TEST_F(RowsTest, ASessionMayHaveAnotherTimeZone) {
  pqxx::work transaction(database.connection());
  for (const std::string zone : {"Asia/Kolkata", "America/St_Johns", "Europe/Amsterdam"}) {
    transaction.exec("set time zone '" + zone + "'");
    for (const Instant at : {instant_from_ms(1'769'851'800'250), instant_from_ms(-2'000'000'000'000)})
      EXPECT_EQ(transaction.exec_params1("select $1::timestamptz", at)[0].as<Instant>(), at) << zone;
  }
}

TEST_F(RowsTest, WhatIsNoTimeIsRefused) {
  EXPECT_THROW(time("'infinity'::timestamptz"), pqxx::conversion_error);
  EXPECT_THROW(time("'2026-01-31 09:30:00 BC'::timestamptz"), pqxx::conversion_error);
  EXPECT_THROW(time("'2026-01-31 09:30:00'::timestamp"), pqxx::conversion_error);
  EXPECT_THROW(time("''"), pqxx::conversion_error);
  EXPECT_THROW(time("null::timestamptz"), pqxx::conversion_error);
}

TEST_F(RowsTest, NullIsNothing) {
  const auto row = database.exec("select null::timestamptz as at, null::text as name, 7 as n")[0];
  EXPECT_EQ(optional_of<Instant>(row["at"]), std::nullopt);
  EXPECT_EQ(optional_of<std::string>(row["name"]), std::nullopt);
  EXPECT_EQ(optional_of<int>(row["n"]), 7);
  pqxx::work transaction(database.connection());
  EXPECT_TRUE(transaction.exec_params1("select $1::timestamptz", std::optional<Instant>())[0].is_null());
}

TEST_F(RowsTest, ArraysKeepEveryCharacter) {
  const std::vector<std::string> texts{"", "a", "null", R"(a"b\c,{d} e')", "\n\té"};
  pqxx::work transaction(database.connection());
  EXPECT_EQ(texts_of(transaction.exec_params1("select $1::text[]", pg_array(texts))[0]), texts);
  EXPECT_TRUE(texts_of(transaction.exec_params1("select $1::text[]", pg_array(std::vector<std::string>()))[0]).empty());
  EXPECT_TRUE(texts_of(transaction.exec1("select null::text[]")[0]).empty());
  const std::vector<std::int64_t> numbers{1, -2, std::numeric_limits<std::int64_t>::max()};
  EXPECT_EQ(transaction.exec_params1("select array_length($1::bigint[], 1)", pg_array(numbers))[0].as<int>(), 3);
  EXPECT_TRUE(
      transaction.exec_params1("select $2::bigint = any($1::bigint[])", pg_array(numbers), numbers[2])[0].as<bool>());
}

Result<int> parse_one(std::string_view name) {
  if (name == "one") return 1;
  return make_error(Errc::invalid_argument, "not one");
}

TEST_F(RowsTest, AnEnumHasANameInTheRow) {
  EXPECT_EQ(enum_of(database.exec("select 'one'")[0][0], parse_one), 1);
}

struct Count {
  std::string sql;
  int operator()(pqxx::work& transaction) const {
    return exec_prepared(transaction, Statement{"count", sql}, 3)[0][0].as<int>();
  }
};

TEST_F(RowsTest, AStatementIsPreparedOnEachNewConnection) {
  boost::asio::io_context io;
  DbPool pool(io.get_executor(), {.conninfo = database.conninfo(), .threads = 1});
  const std::string sql = "select count(*) from generate_series(1, $1)";
  for (int turn = 0; turn < 3; ++turn) EXPECT_EQ(run_task(io, pool.transact<Count>(sql)).value(), 3);
  database.disconnect_others();
  EXPECT_EQ(run_task(io, pool.transact<Count>(sql)).value(), 3);
  EXPECT_FALSE(run_task(io, pool.transact<Count>("select $1::int")).has_value()) << "two statements of one name";
}

struct Find {
  std::string operator()(pqxx::work& transaction) const {
    exec_prepared(transaction, Statement{"find", "select from t where id = $1"}, 7);
    return transaction.exec("explain execute find (7)")[0][0].as<std::string>();
  }
};

TEST_F(RowsTest, APlanDoesNotOutlastWhatATableWasOnce) {
  database.exec("create table t (id int primary key)");
  database.exec("insert into t values (1)");
  database.exec("analyze t");
  boost::asio::io_context io;
  using std::chrono::milliseconds;
  DbPool pool(io.get_executor(), {.conninfo = database.conninfo(), .threads = 1, .plans_last = milliseconds(0)});
  for (int turn = 0; turn < 10; ++turn)
    EXPECT_TRUE(run_task(io, pool.transact<Find>()).value().starts_with("Seq Scan"));
  database.exec("insert into t select generate_series(2, 20000)");
  EXPECT_TRUE(run_task(io, pool.transact<Find>()).value().starts_with("Index Only Scan"));
}

struct WhatTimeIsIt {
  Instant operator()(pqxx::work& transaction) const { return transaction.exec1("select now()")[0].as<Instant>(); }
};

TEST_F(RowsTest, ThePoolReadsTimesWhateverTheDatabaseIsSetTo) {
  database.exec("alter database " + database.value<std::string>("select current_database()") +
                " set datestyle = 'German, DMY'");
  boost::asio::io_context io;
  DbPool pool(io.get_executor(), {.conninfo = database.conninfo(), .threads = 1});
  EXPECT_TRUE(run_task(io, pool.transact<WhatTimeIsIt>()).has_value());
}

}  // namespace
}  // namespace argosy::server
