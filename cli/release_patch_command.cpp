#include "cli/release_patch_command.hpp"

#include <memory>

#include "cli/exit_code.hpp"
#include "common/base/id.hpp"
#include "common/json/json_look.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

struct ServerPatchFlags {
  std::string model, from, to, variant;
  int days = 7;
};

std::string size_cell(const json& patch, const char* key) {
  const auto size = number_in(patch, key);
  return size ? human_bytes(*size) : "-";
}

std::string ratio_cell(const json& patch) {
  const auto ratio = number_in(patch, "ratio");
  if (!ratio) return "-";
  char text[340];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * *ratio);
  return text;
}

void print_patches(const Context& context, const json& items) {
  if (context.output.json) {
    print_json(items);
    return;
  }
  std::vector<Row> rows;
  for (const json& patch : items) rows.push_back(patch_row(patch));
  print_table({"FROM", "TO", "VARIANT", "STATE", "CODEC", "SIZE", "FULL", "OF FULL", "ATTEMPTS", "REASON"}, rows);
}

std::string patches_path(const std::string& model) {
  return "/models/" + net::percent_encode(model) + "/patches";
}

Result<void> check_names(const ServerPatchFlags& flags) {
  if (!is_name(flags.model))
    return make_error(Errc::invalid_argument,
                      "\"" + flags.model + "\" is not the name of a model; write MODEL FROM TO");
  for (const std::string& version : {flags.from, flags.to})
    if (!is_version(version))
      return make_error(Errc::invalid_argument,
                        "\"" + version + "\" is not a version; write MODEL FROM TO, for example digits 1.0 1.1");
  if (flags.from == flags.to)
    return make_error(Errc::invalid_argument,
                      "a patch leads from one version to another, not from " + flags.from + " to itself");
  return {};
}

Result<int> show_patches(const Context& context, const std::string& model) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json items, api.list(patches_path(model), "", 1000));
  print_patches(context, items);
  return exit_ok;
}

Result<int> ask_for_patch(const Context& context, const ServerPatchFlags& flags) {
  ARGOSY_CHECK(check_names(flags));
  ARGOSY_TRY(const ApiClient api, context.api());
  json pair{{"from_version", flags.from}, {"to_version", flags.to}};
  if (!flags.variant.empty()) pair["variant"] = flags.variant;
  const json wish{{"pairs", json::array({pair})}, {"days", flags.days}};
  ARGOSY_TRY(const json page, api.post(patches_path(flags.model), wish));
  print_patches(context, list_in(page, "items"));
  return exit_ok;
}

Result<int> cancel_patch(const Context& context, const ServerPatchFlags& flags) {
  ARGOSY_CHECK(check_names(flags));
  ARGOSY_TRY(const ApiClient api, context.api());
  std::string path =
      patches_path(flags.model) + "/" + net::percent_encode(flags.from) + "/" + net::percent_encode(flags.to);
  if (!flags.variant.empty()) path += "?variant=" + net::percent_encode(flags.variant);
  ARGOSY_TRY(const json page, api.remove(path));
  print_patches(context, list_in(page, "items"));
  return exit_ok;
}

// A command about the patch between two versions of a model.
std::pair<CLI::App*, std::shared_ptr<ServerPatchFlags>> add_for_pair(CLI::App& release, Context& context,
                                                                     const char* name, const char* help,
                                                                     Result<int> (*run)(const Context&,
                                                                                        const ServerPatchFlags&)) {
  auto* command = release.add_subcommand(name, help);
  auto flags = std::make_shared<ServerPatchFlags>();
  command->add_option("model", flags->model, "Name of the model")->required();
  command->add_option("from", flags->from, "The version that devices have")->required();
  command->add_option("to", flags->to, "The version that they are to get")->required();
  command->add_option("--variant", flags->variant,
                      "Only for the variant of this name; by default for all that both releases have");
  command->callback(
      [&context, flags, run] { context.chosen = [&context, flags, run] { return run(context, *flags); }; });
  return {command, flags};
}

// The variant, and the file beside its model.
std::string file_cell(const json& patch) {
  const std::string part = text_in(patch, "part");
  return cell(patch, "/variant") + (part.empty() ? "" : " " + part);
}

}  // namespace

Row patch_row(const json& patch) {
  const bool will_retry = member(patch, "will_retry") == true;
  return {cell(patch, "/from_version"),
          cell(patch, "/to_version"),
          file_cell(patch),
          cell(patch, "/state"),
          cell(patch, "/codec"),
          size_cell(patch, "size"),
          size_cell(patch, "full_size"),
          ratio_cell(patch),
          cell(patch, "/attempts") + (will_retry ? ", to be tried again" : ""),
          cell(patch, "/reason")};
}

void add_release_patch_commands(CLI::App& release, Context& context) {
  auto model = std::make_shared<std::string>();
  auto* list = release.add_subcommand(
      "patches", "Patches between the releases of a model: which the server made, which not, and why");
  list->add_option("model", *model, "Name of the model")->required();
  list->callback([&context, model] { context.chosen = [&context, model] { return show_patches(context, *model); }; });

  const auto [ask, flags] =
      add_for_pair(release, context, "ask-patch",
                   "Have a patch made ahead of any rollout; one that was declined, failed or cancelled is tried anew",
                   ask_for_patch);
  ask->add_option("--days", flags->days, "For how many days it is wanted although no device waits for it")
      ->capture_default_str()
      ->check(CLI::Range(1, 90));
  add_for_pair(release, context, "cancel-patch",
               "Cancel a patch that is not made yet; devices that wait for it take the whole file", cancel_patch);
}

}  // namespace argosy::cli
