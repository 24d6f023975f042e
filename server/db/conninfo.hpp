// libpq connection strings, in either form (key=value or postgresql://): parsed by libpq, never by hand. Pure.
#pragma once

#include <string>

#include "common/base/error.hpp"

namespace argosy::server {

// The same connection with what a long-lived service needs where the operator said nothing: connect_timeout 5 s,
// TCP keep-alives and tcp_user_timeout 15 s (so that a half-open link is noticed), application_name argosyd.
// Errc::invalid_argument with libpq's own words when it does not parse.
Result<std::string> with_service_defaults(const std::string& conninfo);

// The same connection to another database.
Result<std::string> with_database(const std::string& conninfo, const std::string& database);

// For logs: host, port, database and user; never the password.
std::string describe_connection(const std::string& conninfo);

}  // namespace argosy::server
