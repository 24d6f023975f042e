// The rule site_dark: one alert for a site of which too much is offline. Whoever counts sites notes those that change
// (site_changes). DB threads, inside a transaction that holds `lock_alerts`.
#pragma once

#include <cstddef>

#include <pqxx/pqxx>

#include "server/alerts/site_dark.hpp"

namespace argosy::server {

// Opens, closes and brings up to date the alerts on sites that changed. How many moved.
std::size_t judge_sites(pqxx::work& transaction, const SiteRule& rule, Instant now);

}  // namespace argosy::server
