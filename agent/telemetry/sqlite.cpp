#include "agent/telemetry/sqlite.hpp"

namespace argosy::agent {

Error database_error(sqlite3* db, std::string_view what) {
  const int code = sqlite3_errcode(db);
  const Errc kind = code == SQLITE_FULL                               ? Errc::out_of_space
                    : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? Errc::corrupt
                                                                      : Errc::io;
  return make_error(kind, "outbox: " + std::string(what) + ": " + sqlite3_errmsg(db));
}

Result<void> execute(sqlite3* db, const char* sql) {
  if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return database_error(db, "cannot run a statement");
}

Result<void> put_meta(sqlite3* db, const char* key, const std::string& value) {
  Statement put(db, "insert or replace into meta (key, value) values (?1, ?2)");
  ARGOSY_CHECK(put.bind(1, std::string(key)).bind(2, value).row("cannot note a number"));
  return {};
}

Result<std::string> get_meta(sqlite3* db, const char* key) {
  Statement get(db, "select value from meta where key = ?1");
  ARGOSY_TRY(const bool found, get.bind(1, std::string(key)).row("cannot read a number"));
  return found ? get.text(0) : std::string();
}

}  // namespace argosy::agent
