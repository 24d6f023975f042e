#include "cli/draft_command.hpp"

#include <memory>

#include "cli/exit_code.hpp"
#include "cli/listing.hpp"
#include "cli/release_name.hpp"
#include "common/json/json_look.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

std::string drafts_path(const std::string& model) {
  return "/models/" + net::percent_encode(model) + "/drafts";
}

std::string path_of(const ReleaseName& name) {
  return drafts_path(name.model) + "/" + net::percent_encode(name.version);
}

Result<json> drafts_of_all(const ApiClient& api) {
  ARGOSY_TRY(const json models, api.list("/models", "", 10'000));
  json all = json::array();
  for (const json& model : models) {
    ARGOSY_TRY(const json drafts, api.list(drafts_path(text_in(model, "name")), "", 1000));
    for (const json& draft : drafts) all.push_back(draft);
  }
  return all;
}

Result<int> list_drafts(const Context& context, const std::string& model) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json drafts, model.empty() ? drafts_of_all(api) : api.list(drafts_path(model), "", 1000));
  return print_rows(
      context.output, drafts, {"MODEL", "VERSION", "VARIANTS", "BY", "MENDED", "NOTES"}, [](const json& draft) {
        return Row{
            cell(draft, "/model"),      cell(draft, "/version"),    std::to_string(list_in(draft, "variants").size()),
            cell(draft, "/updated_by"), cell(draft, "/updated_at"), cell(draft, "/notes")};
      });
}

Result<int> finish(const Context& context, const std::string& text) {
  ARGOSY_TRY(const ReleaseName name, parse_release_name(text));
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json release, api.post(path_of(name) + "/publish", json::object()));
  if (context.output.json) print_json(release);
  print_note(context.output, "Published " + text + ", as its draft was");
  return exit_ok;
}

Result<int> discard(const Context& context, const std::string& text) {
  ARGOSY_TRY(const ReleaseName name, parse_release_name(text));
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_CHECK(api.remove(path_of(name)));
  if (context.output.json) print_json(json{{"model", name.model}, {"version", name.version}, {"discarded", true}});
  print_note(context.output, "The draft of " + text + " is no more");
  return exit_ok;
}

void add_draft_command(CLI::App& release, Context& context, const char* name, const char* help,
                       Result<int> (*run)(const Context&, const std::string&)) {
  auto* command = release.add_subcommand(name, help);
  auto text = std::make_shared<std::string>();
  command->add_option("release", *text, "MODEL@VERSION")->required();
  command->callback([&context, text, run] { context.chosen = [&context, text, run] { return run(context, *text); }; });
}

}  // namespace

void add_draft_commands(CLI::App& release, Context& context) {
  auto* list = release.add_subcommand("drafts", "Drafts of a model, or of all: what `publish --draft` keeps");
  auto model = std::make_shared<std::string>();
  list->add_option("model", *model, "Name of the model");
  list->callback([&context, model] { context.chosen = [&context, model] { return list_drafts(context, *model); }; });
  add_draft_command(release, context, "finish", "Publish a draft for good, as it is", finish);
  add_draft_command(release, context, "discard", "Throw a draft away", discard);
}

}  // namespace argosy::cli
