#include "server/db/binary_copy.hpp"

#include <stdexcept>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "server/db/db_pool.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/test_database.hpp"

namespace argosy::server {
namespace {

class Copying : public ::testing::Test {
 protected:
  void SetUp() override {
    database.exec("create table rows_in (n bigint, at timestamptz, name text not null, raw bytea, said jsonb)");
  }
  test::TestDatabase database;
  boost::asio::io_context io;
  DbPool pool{io.get_executor(), {.conninfo = database.conninfo(), .threads = 1}};
};

struct CopyTwo {
  void operator()(pqxx::work& transaction) const {
    BinaryCopy rows(transaction, "rows_in", "n, at, name, raw, said");
    rows.begin_row();
    rows.put(std::int64_t{-7});
    rows.put(parse_rfc3339("1970-01-01T00:00:00.001Z").value());
    rows.put(std::string_view("tab\tand \\N"));
    rows.put(ByteView(Bytes{0, 1, 255}));
    rows.put_jsonb(R"({"a": 1})");
    rows.begin_row();
    rows.put(std::optional<std::int64_t>());
    rows.put_null();
    rows.put(std::string_view());
    rows.put_null();
    rows.put_null();
    rows.complete();
    transaction.exec1("select 1");  // the connection is libpqxx's again
  }
};

TEST_F(Copying, StoresEachTypeAsItIs) {
  ASSERT_TRUE(test::run_task(io, pool.transact(CopyTwo{})));
  const auto rows = database.exec("select n, at::text, name, raw::text, said::text from rows_in order by n");
  EXPECT_EQ(rows[0][0].as<std::int64_t>(), -7);
  EXPECT_EQ(rows[0][1].as<std::string>().substr(0, 23), "1970-01-01 00:00:00.001");
  EXPECT_EQ(rows[0][2].as<std::string>(), "tab\tand \\N");
  EXPECT_EQ(rows[0][3].as<std::string>(), "\\x0001ff");
  EXPECT_EQ(rows[0][4].as<std::string>(), R"({"a": 1})");
  for (const int column : {0, 1, 3, 4}) EXPECT_TRUE(rows[1][column].is_null()) << column;
  EXPECT_EQ(rows[1][2].as<std::string>(), "");
}

struct CopyNull {
  void operator()(pqxx::work& transaction) const {
    BinaryCopy rows(transaction, "rows_in", "name");
    rows.begin_row();
    rows.put_null();
    rows.complete();
  }
};
struct CopyNowhere {
  void operator()(pqxx::work& transaction) const { BinaryCopy(transaction, "nowhere", "name"); }
};
struct CopyAndThinkBetterOfIt {
  void operator()(pqxx::work& transaction) const {
    BinaryCopy rows(transaction, "rows_in", "name");
    rows.begin_row();
    rows.put(std::string_view("half"));
    throw std::runtime_error("no");
  }
};

TEST_F(Copying, WhatTheDatabaseRefusesIsItsErrorAndTheConnectionGoesOn) {
  EXPECT_EQ(test::run_task(io, pool.transact(CopyNull{})).error().code, Errc::invalid_argument);
  EXPECT_FALSE(test::run_task(io, pool.transact(CopyNowhere{})));
  EXPECT_FALSE(test::run_task(io, pool.transact(CopyAndThinkBetterOfIt{})));
  ASSERT_TRUE(test::run_task(io, pool.transact(CopyTwo{})));
  EXPECT_EQ(database.value<int>("select count(*) from rows_in"), 2);
  EXPECT_EQ(pool.counters().connections, 1u);
}

struct CopyMany {
  void operator()(pqxx::work& transaction) const {
    BinaryCopy rows(transaction, "rows_in", "n, name");
    const std::string long_name(1000, 'x');
    for (std::int64_t i = 0; i < 1000; ++i) {
      rows.begin_row();
      rows.put(i);
      rows.put(std::string_view(long_name));
    }
    rows.complete();
  }
};

TEST_F(Copying, MoreThanABufferArrivesWhole) {
  ASSERT_TRUE(test::run_task(io, pool.transact(CopyMany{})));
  EXPECT_EQ(database.value<std::int64_t>("select sum(length(name)) from rows_in"), 1'000'000);
}

TEST_F(Copying, AConnectionOfNoPoolIsRefused) {
  pqxx::connection other(database.conninfo());
  pqxx::work transaction(other);
  EXPECT_THROW(BinaryCopy(transaction, "rows_in", "n"), std::logic_error);
}

}  // namespace
}  // namespace argosy::server
