#include "cli/completion.hpp"

#include <algorithm>
#include <map>
#include <memory>

#include "cli/command.hpp"
#include "cli/exit_code.hpp"

namespace argosy::cli {

namespace {

constexpr const char* bash_script = R"sh(_argosy() {
  local IFS=$'\n'
  COMPREPLY=($(argosy completion next -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _argosy argosy)sh";

constexpr const char* zsh_script = R"sh(#compdef argosy
_argosy() {
  local -a found
  found=("${(@f)$(argosy completion next -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n $found ]]; then compadd -- $found; else _files; fi
}
compdef _argosy argosy)sh";

constexpr const char* fish_script = R"sh(function __argosy_next
  set -l words (commandline -opc)[2..-1] (commandline -ct)
  argosy completion next -- $words 2>/dev/null
end
complete -c argosy -a '(__argosy_next)')sh";

// Each has the program say what could come next: nothing to keep in step with it.
const std::map<std::string, const char*> scripts = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};

const CLI::App* verb_of(const CLI::App& app, const std::string& word) {
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; }))
    if (verb->check_name(word)) return verb;
  return nullptr;
}

bool is_option(const std::string& word) {
  return word.starts_with("-");
}

void add_options(std::vector<std::string>& found, const CLI::App& app) {
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) found.push_back("--" + name);
}

void add_verbs(std::vector<std::string>& found, const CLI::App& app) {
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!verb->get_group().empty()) found.push_back(verb->get_name());
}

Result<int> print_script(const std::string& shell) {
  std::puts(scripts.at(shell));
  return exit_ok;
}

}  // namespace

std::vector<std::string> completions(const CLI::App& root, const std::vector<std::string>& words) {
  const std::string begun = words.empty() ? "" : words.back();
  const CLI::App* app = &root;
  for (std::size_t i = 0; i + 1 < words.size(); ++i)
    if (const CLI::App* verb = verb_of(*app, words[i])) app = verb;
  std::vector<std::string> found;
  if (is_option(begun)) {
    add_options(found, *app);
    if (app != &root) add_options(found, root);
  } else {
    add_verbs(found, *app);
  }
  std::erase_if(found, [&](const std::string& one) { return !one.starts_with(begun); });
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

void add_completion_command(CLI::App& root, Context& context) {
  auto* completion = root.add_subcommand("completion", "A script with which a shell completes argosy's words");
  completion->require_subcommand(1);
  for (const auto& script : scripts) {
    const std::string shell = script.first;
    completion->add_subcommand(shell, "For " + shell)->callback([&context, shell] {
      context.chosen = [shell] { return print_script(shell); };
    });
  }
  auto* next = completion->add_subcommand("next", "What can follow these words");
  next->group("");  // for the scripts alone
  auto words = std::make_shared<std::vector<std::string>>();
  next->add_option("words", *words);
  next->callback([&root, &context, words] {
    context.chosen = [&root, words]() -> Result<int> {
      for (const std::string& one : completions(root, *words)) std::puts(one.c_str());
      return exit_ok;
    };
  });
}

}  // namespace argosy::cli
