#include "server/db/migrations.hpp"

#include <map>

#include <pqxx/pqxx>

#include "common/base/embedded.hpp"
#include "common/crypto/digest.hpp"
#include "server/db/advisory_locks.hpp"
#include "server/db/conninfo.hpp"
#include "server/db/db_error.hpp"

namespace argosy {
std::span<const EmbeddedFile> embedded_migrations();
}

namespace argosy::server {
namespace {

using Checksums = std::map<std::string, std::string>;

Checksums applied_migrations(pqxx::connection& connection) {
  pqxx::work transaction(connection);
  transaction.exec(
      "create table if not exists schema_migrations ("
      "name text primary key, sha256 text not null, applied_at timestamptz not null default now())");
  Checksums applied;
  for (const auto& row : transaction.exec("select name, sha256 from schema_migrations")) {
    applied.emplace(row[0].as<std::string>(), row[1].as<std::string>());
  }
  transaction.commit();
  return applied;
}

std::string checksum(const Migration& migration) {
  return sha256(as_bytes(migration.sql)).to_hex();
}

Result<void> check_history(const Checksums& applied, const std::vector<Migration>& migrations) {
  Checksums known;
  for (const Migration& migration : migrations) known.emplace(migration.name, checksum(migration));
  for (const auto& [name, sha256] : applied) {
    const auto found = known.find(name);
    if (found == known.end()) {
      return make_error(Errc::conflict, "the database was migrated by a newer argosyd: it has '" + name +
                                            "', which this one does not know; start that version or a later one");
    }
    if (found->second != sha256) {
      return make_error(Errc::conflict, "migration '" + name + "' was changed after it was applied (recorded SHA-256 " +
                                            sha256 + ", now " + found->second +
                                            "); migrations are never edited: add a new one");
    }
  }
  return {};
}

void apply(pqxx::connection& connection, const Migration& migration) {
  pqxx::work transaction(connection);
  transaction.exec(migration.sql);
  transaction.exec_params("insert into schema_migrations (name, sha256) values ($1, $2)", migration.name,
                          checksum(migration));
  transaction.commit();
}

void take_lock(pqxx::connection& connection) {
  pqxx::nontransaction transaction(connection);
  transaction.exec("set client_min_messages = warning");
  transaction.exec(advisory_lock::wait_in_session(advisory_lock::migrations));  // held until the connection closes
}

}  // namespace

std::vector<Migration> built_in_migrations() {
  std::vector<Migration> migrations;
  for (const EmbeddedFile& file : embedded_migrations()) {
    migrations.push_back({std::string(file.name), std::string(file.content)});
  }
  return migrations;
}

Result<std::vector<std::string>> migrate(const std::string& conninfo, const std::vector<Migration>& migrations) {
  ARGOSY_TRY(const std::string complete, with_service_defaults(conninfo));
  std::string current = "connecting";
  try {
    pqxx::connection connection(complete);
    take_lock(connection);
    const Checksums applied = applied_migrations(connection);
    ARGOSY_CHECK(check_history(applied, migrations));
    std::vector<std::string> done;
    for (const Migration& migration : migrations) {
      if (applied.count(migration.name) != 0) continue;
      current = migration.name;
      apply(connection, migration);
      done.push_back(migration.name);
    }
    return done;
  } catch (const std::exception& exception) {
    return classify_db_exception(exception).error.within("migrating the database (" + current + ")");
  }
}

}  // namespace argosy::server
