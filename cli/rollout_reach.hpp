// What planning tells of a rollout: what its canary can find out, and what it would be without being made. The
// functions that make rows are pure.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/rollout_output.hpp"

namespace argosy::cli {

// `reach` as the server tells it; null before the rollout is planned, and without guards.
Table reach_table(const nlohmann::json& reach);
// Sentences about guards that cannot come to a verdict, but for those that are advisory.
std::vector<std::string> reach_warnings(const nlohmann::json& reach);
void print_reach_warnings(const Context& context, const nlohmann::json& reach);

Table preview_waves_table(const nlohmann::json& preview);
Table variants_table(const nlohmann::json& preview);
Table downloads_table(const nlohmann::json& preview);
Table left_out_table(const nlohmann::json& preview);
// POST /rollouts/preview. An error, after its tables, where the rollout would be refused.
Result<int> preview_rollout(const Context& context, const ApiClient& api, const nlohmann::json& document);

}  // namespace argosy::cli
