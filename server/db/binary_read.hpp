// The rows of a query by COPY in PostgreSQL's binary form, one after the other as they come, within a transaction on a
// CopyingConnection: many rows with values of some hundred bytes take a third of the time that they take as text. On a
// DB thread; errors are those of libpqxx (pqxx::sql_error and pqxx::broken_connection). Holds one row.
// The form: PostgreSQL's manual, "COPY", "Binary Format".
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/encoding.hpp"
#include "common/base/instant.hpp"
#include "server/db/copying_connection.hpp"

namespace argosy::server {

class BinaryRead {
 public:
  // A whole statement: COPY takes no parameters, so values stand in it, quoted by the transaction.
  BinaryRead(pqxx::work& transaction, const std::string& query);
  // What was not read is passed by, so that the transaction goes on.
  ~BinaryRead();
  BinaryRead(const BinaryRead&) = delete;
  BinaryRead& operator=(const BinaryRead&) = delete;

  // Goes to the next row; false behind the last.
  bool next();

  // Of the row at hand; what is pointed at lasts until the next. The type is that of the query's column.
  bool is_null(std::size_t column) const { return columns_[column].data() == nullptr; }
  std::int64_t bigint(std::size_t column) const;
  Instant timestamptz(std::size_t column) const;  // rounded down to ms
  std::string_view text(std::size_t column) const { return as_text(columns_[column]); }
  ByteView bytea(std::size_t column) const { return columns_[column]; }

 private:
  struct FreeRow {
    void operator()(char* row) const;
  };
  bool take_row();

  CopyingConnection& connection_;
  std::string statement_;
  std::unique_ptr<char, FreeRow> row_;
  std::vector<ByteView> columns_;  // of row_; null ones have no data
  bool is_open_ = false;
  bool is_first_ = true;
};

}  // namespace argosy::server
