#include "server/rollouts/guards/window_rows_store.hpp"

#include <string>
#include <utility>

#include "server/db/rows.hpp"
#include "server/drift/evidence.hpp"

namespace argosy::server {

TakenWindow window_of(const pqxx::row& row) {
  TakenWindow window;
  window.version = row["version"].as<std::string>();
  window.started_at = row["started_at"].as<Instant>();
  window.ended_at = row["ended_at"].as<Instant>();
  window.count = row["count"].as<std::uint64_t>();
  window.errors = row["errors"].as<std::uint64_t>();
  window.labelled = row["labelled"].as<std::uint64_t>();
  window.correct = row["correct"].as<std::uint64_t>();
  read_parts(window, {row["latency"].c_str(), row["numbers"].c_str(), row["confidences"].c_str()});
  for (auto& [name, counts] : features_of_json(row["features"].as<std::string>("")))
    window.features.push_back({name, std::move(counts)});
  return window;
}

}  // namespace argosy::server
