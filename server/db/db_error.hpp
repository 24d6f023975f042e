// What a pqxx exception means: the one table from SQLSTATE to Errc. Called on DB threads, inside a catch.
#pragma once

#include <exception>
#include <string_view>

#include "common/base/error.hpp"

namespace argosy::server {

// unique and foreign key violations are conflict; check, not-null and data errors invalid_argument; a statement
// timeout is timeout; shortage, shutdown, read-only and lost connections unavailable; a full disk out_of_space; all
// else internal.
Errc errc_of_sqlstate(std::string_view sqlstate);

struct DbFailure {
  Error error;
  bool repeatable = false;  // serialization failure, deadlock, or the connection was lost before the commit was sent
  bool connection_lost = false;
};

DbFailure classify_db_exception(const std::exception& exception);

}  // namespace argosy::server
