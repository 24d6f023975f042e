// `argosy release drafts|finish|discard`: what `release publish --draft` left on the server.
#pragma once

#include "cli/command.hpp"

namespace argosy::cli {

void add_draft_commands(CLI::App& release, Context& context);

}  // namespace argosy::cli
