// `argosy release patches|ask-patch|cancel-patch`: the patches that the server makes between the releases of a model.
#pragma once

#include <nlohmann/json.hpp>

#include "cli/command.hpp"

namespace argosy::cli {

// One patch of the server's matrix as the cells of the table.
Row patch_row(const nlohmann::json& patch);
void add_release_patch_commands(CLI::App& release, Context& context);

}  // namespace argosy::cli
