// What the outbox asks of SQLite: statements for one use, transactions that roll back, and a table of words. One
// thread, that of the connection's owner.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sqlite3.h>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"

namespace argosy::agent {

// Of the last call: Errc::out_of_space, corrupt or io, with SQLite's own words.
Error database_error(sqlite3* db, std::string_view what);

// A prepared statement for one use; binds by position, steps through rows.
class Statement {
 public:
  Statement(sqlite3* db, const char* sql) : db_(db) { sqlite3_prepare_v2(db, sql, -1, &statement_, nullptr); }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int at, std::uint64_t value) {
    sqlite3_bind_int64(statement_, at, static_cast<sqlite3_int64>(value));
    return *this;
  }
  Statement& bind(int at, const std::string& value) {
    sqlite3_bind_text(statement_, at, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT);
    return *this;
  }
  Statement& bind(int at, const Bytes& value) {
    sqlite3_bind_blob(statement_, at, value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
    return *this;
  }
  Result<bool> row(std::string_view what) {  // whether there is another row
    if (statement_ == nullptr) return database_error(db_, what);
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return database_error(db_, what);
  }
  std::uint64_t integer(int column) const {
    return static_cast<std::uint64_t>(sqlite3_column_int64(statement_, column));
  }
  std::string text(int column) const {
    const auto* text = sqlite3_column_text(statement_, column);
    return text == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(text));
  }
  ByteView blob(int column) const {
    return {static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column)),
            static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }

 private:
  sqlite3* db_;
  sqlite3_stmt* statement_ = nullptr;
};

Result<void> execute(sqlite3* db, const char* sql);

// In the table meta (key, value).
Result<void> put_meta(sqlite3* db, const char* key, const std::string& value);
Result<std::string> get_meta(sqlite3* db, const char* key);  // empty when there is none

// Rolls back unless committed.
class Transaction {
 public:
  static Result<void> begin(sqlite3* db) { return execute(db, "begin immediate"); }
  explicit Transaction(sqlite3* db) : db_(db) {}
  ~Transaction() {
    if (!done_) sqlite3_exec(db_, "rollback", nullptr, nullptr, nullptr);
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  Result<void> commit() {
    ARGOSY_CHECK(execute(db_, "commit"));
    done_ = true;
    return {};
  }

 private:
  sqlite3* db_;
  bool done_ = false;
};

}  // namespace argosy::agent
