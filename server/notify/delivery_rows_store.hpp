// How a delivery lies in its rows, for this capability's *_store.cpp. DB threads, inside one transaction.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/notify/delivery.hpp"

namespace argosy::server {

// Of `deliveries d` joined with `notice_routes r`.
extern const std::string delivery_columns;
Delivery delivery_of(const pqxx::row& row);

Result<Delivery> load_delivery(pqxx::work& transaction, std::int64_t id);  // Errc::not_found
// Its events, the first `most`.
std::vector<ToldEvent> load_told(pqxx::work& transaction, std::int64_t delivery, std::int64_t most);
// The test of the route that waits.
std::optional<std::int64_t> first_test(pqxx::work& transaction, std::int64_t route);

std::string make_delivery_key();
std::vector<std::int64_t> ids_of(const pqxx::result& rows);  // the first column

}  // namespace argosy::server
