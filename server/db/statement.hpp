// A statement that runs for each message, request or tick: PostgreSQL parses and plans it once a connection instead of
// each time. Prepared on its first use on a connection, and gone with it. Immutable, and of one name in the program;
// used on DB threads. Knows no domain word.
//
// After five runs PostgreSQL may keep one plan for all parameters, for as long as DbPool lets plans last. So none whose
// best plan hangs on them, such as stretches of time over partitions. What comes by jsonb_to_recordset is planned for
// 100 rows in any case, and by unnest($1) for 10.
#pragma once

#include <string>
#include <utility>

#include <pqxx/pqxx>

namespace argosy::server {

struct Statement {
  std::string name;
  std::string sql;
};

template <class... Arguments>
pqxx::result exec_prepared(pqxx::work& transaction, const Statement& statement, Arguments&&... arguments) {
  transaction.conn().prepare(statement.name, statement.sql);  // noted; a second time it is compared
  return transaction.exec_prepared(statement.name, std::forward<Arguments>(arguments)...);
}

}  // namespace argosy::server
