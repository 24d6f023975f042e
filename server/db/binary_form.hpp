// What reading and writing PostgreSQL's binary form of COPY have in common; for binary_copy and binary_read alone.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <libpq-fe.h>
#include <pqxx/pqxx>

namespace argosy::server::binary_form {

inline constexpr std::string_view signature{"PGCOPY\n\377\r\n\0", 11};
inline constexpr std::int64_t ms_from_1970_to_2000 = 946'684'800'000;

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultHandle = std::unique_ptr<PGresult, ClearResult>;

[[noreturn]] inline void throw_error_of(PGconn* connection, const PGresult* result, const std::string& statement) {
  if (PQstatus(connection) != CONNECTION_OK) throw pqxx::broken_connection(PQerrorMessage(connection));
  const char* state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
  const std::string message = result ? PQresultErrorMessage(result) : PQerrorMessage(connection);
  const std::string sqlstate = state ? state : "XX000";
  if (sqlstate.starts_with("40")) throw pqxx::transaction_rollback(message);
  throw pqxx::sql_error(message, statement, sqlstate.c_str());
}

}  // namespace argosy::server::binary_form
