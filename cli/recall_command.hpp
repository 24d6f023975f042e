// `argosy release withdraw` and `argosy release recall`.
#pragma once

#include "cli/command.hpp"

namespace argosy::cli {

void add_recall_commands(CLI::App& release, Context& context);

}  // namespace argosy::cli
