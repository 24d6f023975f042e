// A rollout as people see it on a terminal: its waves, its guards, why it did what it did. The functions that make rows
// are pure.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/output.hpp"

namespace argosy::cli {

std::string rollout_path(const std::string& id);        // behind /api/v1
std::string counts_text(const nlohmann::json& counts);  // "succeeded 3, queued 9"
// "yes", "once completed" or "-".
std::string standing_word(const nlohmann::json& rollout);
std::string standing_text(const nlohmann::json& rollout);  // a sentence; empty when it does not stand, nor will
std::string planning_text(const nlohmann::json& rollout);  // empty when its devices are planned
void print_rollout(const Context& context, const nlohmann::json& rollout);
// Sentences about what this rollout's release did before, and what else stands, on stderr.
void print_warnings(const Context& context, const nlohmann::json& rollout);

struct Table {
  Row header;
  std::vector<Row> rows;
};
// Harm is + in every metric: a factor, or a difference.
Table guards_table(const nlohmann::json& guards);
// Bins with devices in them, and on which side of the threshold they lie.
Table validation_table(const nlohmann::json& validation);
// "accuracy of 12 devices, at least 0.94 is asked for: 1 misses it"; empty when nobody measured.
std::string validation_text(const nlohmann::json& validation);
Table decisions_table(const nlohmann::json& decisions);
// With a title over it; `empty` where it has no rows.
void print_section(const char* title, const Table& table, const char* empty);

}  // namespace argosy::cli
