// Events with what routes ask of them: their device, its site and models, and the severity of their alert. DB threads,
// inside a transaction.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/notify/route_preview.hpp"

namespace argosy::server {

// In the order of their numbers. `with_models`: what filters by model ask for.
std::vector<EventOfDevice> load_told_events(pqxx::work& transaction, const std::vector<std::int64_t>& ids,
                                            const std::string& site_label, bool with_models);

}  // namespace argosy::server
