// The end of deliveries that will not arrive. For this capability's *_store.cpp, on DB threads, inside one transaction.
#pragma once

#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"

namespace argosy::server {

// Of these, those that still wait; told by an event a route, unless they were about such events themselves. How many.
std::size_t give_up(pqxx::work& transaction, const std::vector<std::int64_t>& ids, const std::string& reason,
                    Instant now);

}  // namespace argosy::server
