// What can follow the words of a command line, for shells to offer. Pure: from the tree of commands alone.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace argosy::cli {

// The verbs, or the options when the last word begins with a dash, that begin as the last of `words` does; sorted. None
// where a name or a file is due: the shell offers files.
std::vector<std::string> completions(const CLI::App& root, const std::vector<std::string>& words);

void add_completion_command(CLI::App& root, struct Context& context);

}  // namespace argosy::cli
