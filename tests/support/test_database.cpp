#include "tests/support/test_database.hpp"

#include <cstdlib>
#include <stdexcept>

#include "common/base/encoding.hpp"
#include "common/base/random.hpp"
#include "common/crypto/digest.hpp"
#include "server/db/conninfo.hpp"
#include "server/db/migrations.hpp"

#ifdef ARGOSY_SANITIZE_ADDRESS
// libpqxx 6.4 forgets one PGresult for each connection that the server ends; not ours to mend.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libpqxx-6.4.so\n";
}
#endif

namespace argosy::test {
namespace {

std::string server_of_tests() {
  const char* conninfo = std::getenv("ARGOSY_TEST_PG");
  if (conninfo == nullptr || *conninfo == '\0') {
    throw std::runtime_error(
        "ARGOSY_TEST_PG is not set: this test needs a PostgreSQL server; run it through "
        "scripts/lib/with-services --postgres -- ctest ...");
  }
  return conninfo;
}

void exec_outside_transaction(const std::string& conninfo, const std::string& sql) {
  pqxx::connection connection(conninfo);
  pqxx::nontransaction transaction(connection);
  transaction.exec(sql);
}

// One name for each set of migrations.
std::string template_name() {
  Sha256 digest;
  for (const server::Migration& migration : server::built_in_migrations()) {
    digest.update(as_bytes(migration.name));
    digest.update(as_bytes(migration.sql));
  }
  return "argosy_template_" + digest.finish().to_hex().substr(0, 16);
}

// A migrated database for others to be copied from, made by the first test that needs one and left to the server.
const std::string& migrated_template(const std::string& server) {
  static const std::string name = [&] {
    std::string wanted = template_name();
    pqxx::connection connection(server);
    pqxx::nontransaction transaction(connection);
    transaction.exec("select pg_advisory_lock(hashtext('argosy_template'))");  // until the connection ends
    if (!transaction.exec_params("select from pg_database where datname = $1", wanted).empty()) return wanted;
    const std::string making = wanted + "_making";
    transaction.exec("drop database if exists " + making);
    transaction.exec("create database " + making);
    server::migrate(server::with_database(server, making).value(), server::built_in_migrations()).value();
    transaction.exec("alter database " + making + " rename to " + wanted);
    return wanted;
  }();
  return name;
}

}  // namespace

TestDatabase::TestDatabase(Schema schema)
    : server_(server_of_tests()), name_("argosy_test_" + to_hex(secure_random(8))) {
  conninfo_ = server::with_database(server_, name_).value();
  const std::string from = schema == Schema::migrated ? migrated_template(server_) : "template1";
  // By copying its files: the usual way, through the log, takes twice as long where nothing is synced.
  exec_outside_transaction(server_, "create database " + name_ + " template " + from + " strategy file_copy");
}

TestDatabase::~TestDatabase() {
  connection_.reset();
  try {
    exec_outside_transaction(server_, "drop database " + name_ + " with (force)");
  } catch (const std::exception&) {  // the server is gone, and the database with it
  }
}

server::CopyingConnection& TestDatabase::connection() {
  if (!connection_) connection_ = std::make_unique<server::CopyingConnection>(conninfo_);
  return *connection_;
}

pqxx::result TestDatabase::exec(const std::string& sql) {
  pqxx::work transaction(connection());
  pqxx::result result = transaction.exec(sql);
  transaction.commit();
  return result;
}

int TestDatabase::disconnect_others() {
  return value<int>(
      "select count(pg_terminate_backend(pid)) from pg_stat_activity "
      "where datname = current_database() and pid <> pg_backend_pid()");
}

}  // namespace argosy::test
