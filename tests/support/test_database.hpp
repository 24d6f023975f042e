// A migrated PostgreSQL database of one test's own, made in the server that ARGOSY_TEST_PG names and dropped at the
// end.
#pragma once

#include <memory>
#include <string>

#include <pqxx/pqxx>

#include "server/db/copying_connection.hpp"

namespace argosy::test {

class TestDatabase {
 public:
  enum class Schema { migrated, empty };
  // Throws std::runtime_error, which names the remedy, when ARGOSY_TEST_PG is missing: a test must not pass unrun.
  explicit TestDatabase(Schema schema = Schema::migrated);
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  const std::string& conninfo() const { return conninfo_; }
  // The test's own connection, beside those of the code under test.
  server::CopyingConnection& connection();
  // Runs one statement in a transaction of its own and commits it.
  pqxx::result exec(const std::string& sql);
  // The only value of the only row.
  template <class T>
  T value(const std::string& sql) {
    return exec(sql).at(0).at(0).as<T>();
  }
  // Cuts every connection but the test's own, as a restart of PostgreSQL would; returns how many.
  int disconnect_others();

 private:
  std::string server_;
  std::string name_;
  std::string conninfo_;
  std::unique_ptr<server::CopyingConnection> connection_;
};

}  // namespace argosy::test
