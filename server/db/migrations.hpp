// Brings a database to the schema of this program: migrations/NNNN_name.sql in order, forward only, each in its own
// transaction with its SHA-256 recorded. Blocking; once at start. Several instances may start at once: one migrates,
// the others wait and find it done.
#pragma once

#include <string>
#include <vector>

#include "common/base/error.hpp"

namespace argosy::server {

struct Migration {
  std::string name;  // "0001_initial.sql"
  std::string sql;
};

// Those compiled into the program.
std::vector<Migration> built_in_migrations();

// The names that were applied now. Errc::conflict when the database has a migration that this program does not know,
// or one whose text differs from the one recorded.
Result<std::vector<std::string>> migrate(const std::string& conninfo, const std::vector<Migration>& migrations);

}  // namespace argosy::server
