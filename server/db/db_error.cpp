#include "server/db/db_error.hpp"

#include <array>
#include <string>

#include <pqxx/pqxx>

namespace argosy::server {
namespace {

struct Row {
  std::string_view prefix;  // a whole SQLSTATE or its class; the first that fits wins
  Errc code;
};

constexpr std::array table{
    Row{"23505", Errc::conflict},       // unique_violation
    Row{"23503", Errc::conflict},       // foreign_key_violation
    Row{"23P01", Errc::conflict},       // exclusion_violation
    Row{"23", Errc::invalid_argument},  // check, not null
    Row{"22", Errc::invalid_argument},  // data exceptions
    Row{"25006", Errc::unavailable},    // read_only_sql_transaction: a standby answered
    Row{"40", Errc::unavailable},       // still in conflict after the retries
    Row{"53100", Errc::out_of_space},   // disk_full
    Row{"53", Errc::unavailable},       // insufficient resources, too many connections
    Row{"54000", Errc::too_large},      // program_limit_exceeded
    Row{"55P03", Errc::timeout},        // lock_not_available: lock_timeout
    Row{"57014", Errc::timeout},        // query_canceled: statement_timeout
    Row{"57", Errc::unavailable},       // shutdown, crash, cannot connect now
    Row{"08", Errc::unavailable},       // connection exceptions
};

bool means_connection_lost(std::string_view sqlstate) {
  return sqlstate.empty() || sqlstate.starts_with("08") || sqlstate.starts_with("57P");
}

std::string trimmed(const char* what) {
  std::string text = what;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

}  // namespace

Errc errc_of_sqlstate(std::string_view sqlstate) {
  for (const Row& row : table) {
    if (sqlstate.starts_with(row.prefix)) return row.code;
  }
  return Errc::internal;
}

DbFailure classify_db_exception(const std::exception& exception) {
  const std::string what = trimmed(exception.what());
  if (dynamic_cast<const pqxx::in_doubt_error*>(&exception)) {
    return {
        make_error(Errc::unavailable, "the database went away during the commit, whose outcome is unknown: " + what),
        false, true};
  }
  if (dynamic_cast<const pqxx::broken_connection*>(&exception)) {
    return {make_error(Errc::unavailable, "the database does not answer: " + what), true, true};
  }
  if (dynamic_cast<const pqxx::statement_completion_unknown*>(&exception)) {
    return {make_error(Errc::unavailable, "the outcome of a statement is unknown: " + what), false, true};
  }
  if (dynamic_cast<const pqxx::transaction_rollback*>(&exception)) {
    return {make_error(Errc::unavailable, "the transaction lost against others: " + what), true, false};
  }
  if (const auto* sql = dynamic_cast<const pqxx::sql_error*>(&exception)) {
    const std::string& sqlstate = sql->sqlstate();
    if (means_connection_lost(sqlstate)) {
      return {make_error(Errc::unavailable, "the database went away: " + what), true, true};
    }
    return {make_error(errc_of_sqlstate(sqlstate), what + " (SQLSTATE " + sqlstate + ")"), false, false};
  }
  return {make_error(Errc::internal, what), false, false};
}

}  // namespace argosy::server
