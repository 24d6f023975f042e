#include "cli/recall_command.hpp"

#include <memory>

#include "cli/exit_code.hpp"
#include "cli/release_name.hpp"
#include "common/json/json_look.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

struct RecallFlags {
  std::string release, reason;
};

Result<json> ask(const Context& context, const RecallFlags& flags, const std::string& verb) {
  ARGOSY_TRY(const ReleaseName name, parse_release_name(flags.release));
  ARGOSY_TRY(const ApiClient api, context.api());
  const std::string path = "/models/" + name.model + "/releases/" + net::percent_encode(name.version) + "/" + verb;
  return api.post(path, {{"reason", flags.reason}});
}

void print_where_it_runs(const json& answer) {
  const json& running = member(answer, "running");
  std::printf("%s runs on %s devices", (cell(answer, "/model") + "@" + cell(answer, "/version")).c_str(),
              cell(running, "/devices").c_str());
  if (number_in(running, "devices").value_or(0) > 0)
    std::printf(": argosy device list --filter '%s'", cell(running, "/filter").c_str());
  std::printf("\n");
}

void print_rollouts(const json& answer) {
  std::vector<Row> rows;
  for (const json& rollout : list_in(answer, "rollouts"))
    rows.push_back({cell(rollout, "/id"), cell(rollout, "/name"), cell(rollout, "/state"), cell(rollout, "/going_back"),
                    cell(rollout, "/did")});
  if (!rows.empty()) print_table({"ROLLOUT", "NAME", "WAS", "GOING BACK", "NOW"}, rows);
}

void print_helpless(const json& answer) {
  const json& helpless = member(answer, "helpless");
  if (number_in(helpless, "devices").value_or(0) == 0) return;
  std::string names;
  for (const json& name : list_in(helpless, "first"))
    if (name.is_string()) names += (names.empty() ? "" : ", ") + name.get_ref<const std::string&>();
  std::printf("%s devices keep it, for no rollout has a release for them to go back to: %s\n",
              cell(helpless, "/devices").c_str(), names.c_str());
}

Result<int> withdraw(const Context& context, const RecallFlags& flags) {
  ARGOSY_TRY(const json answer, ask(context, flags, "withdraw"));
  if (context.output.json) {
    print_json(answer);
    return exit_ok;
  }
  print_where_it_runs(answer);
  print_rollouts(answer);
  return exit_ok;
}

Result<int> recall(const Context& context, const RecallFlags& flags) {
  if (!context.assume_yes)
    return make_error(Errc::invalid_argument, "this withdraws " + flags.release +
                                                  " for good and takes it off every device that has a release to go "
                                                  "back to; say --yes if that is what you want");
  ARGOSY_TRY(const json answer, ask(context, flags, "recall"));
  if (context.output.json) {
    print_json(answer);
    return exit_ok;
  }
  print_where_it_runs(answer);
  print_rollouts(answer);
  print_helpless(answer);
  return exit_ok;
}

void add(CLI::App& release, Context& context, const char* name, const char* help,
         Result<int> (*run)(const Context&, const RecallFlags&)) {
  auto* command = release.add_subcommand(name, help);
  auto flags = std::make_shared<RecallFlags>();
  command->add_option("release", flags->release, "MODEL@VERSION")->required();
  command->add_option("--reason", flags->reason, "Why, for everybody who meets the release later")->required();
  command->callback(
      [&context, flags, run] { context.chosen = [&context, flags, run] { return run(context, *flags); }; });
}

}  // namespace

void add_recall_commands(CLI::App& release, Context& context) {
  add(release, context, "withdraw", "Tell it to no further device; those that have it keep it", withdraw);
  add(release, context, "recall", "Withdraw it, and roll back every rollout of it", recall);
}

}  // namespace argosy::cli
