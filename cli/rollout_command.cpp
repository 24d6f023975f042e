#include <chrono>
#include <memory>
#include <set>
#include <thread>

#include "cli/command.hpp"
#include "cli/exit_code.hpp"
#include "common/base/file.hpp"
#include "common/base/id.hpp"
#include "common/json/json_look.hpp"
#include "common/json/json_text.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

constexpr int stop_tries = 5;

struct CreateFlags {
  std::string release, name, filter, policy_file;
  bool start = false;
  bool watch = false;
};

bool has_ended(const std::string& state) {
  return state == "completed" || state == "halted" || state == "rolled_back";
}

std::string path_of(const std::string& id) {
  return "/rollouts/" + net::percent_encode(id);
}

std::string counts_text(const json& counts) {
  std::string text;
  for (const auto& [name, count] : counts.items()) {
    if (count.is_number() && count.get<double>() > 0) text += (text.empty() ? "" : ", ") + name + " " + count.dump();
  }
  return text.empty() ? "nothing yet" : text;
}

void print_rollout(const Context& context, const json& rollout) {
  if (context.output.json) {
    print_json(rollout);
    return;
  }
  std::printf("Rollout %s: %s@%s %s%s%s\n", cell(rollout, "/id").c_str(), cell(rollout, "/model").c_str(),
              cell(rollout, "/version").c_str(), cell(rollout, "/state").c_str(),
              text_in(rollout, "reason").empty() ? "" : ": ", text_in(rollout, "reason").c_str());
  std::vector<Row> rows;
  int number = 1;
  for (const json& wave : list_in(rollout, "waves"))
    rows.push_back({std::to_string(number++), cell(wave, "/share"), cell(wave, "/planned"), cell(wave, "/opened_at"),
                    cell(wave, "/passed_at"), counts_text(member(wave, "counts"))});
  print_table({"WAVE", "SHARE", "DEVICES", "OPENED", "PASSED", "STATES"}, rows);
}

// What means the same however far the rollout has come meanwhile, and should not lose a race with its progress.
bool is_stop(std::string_view action) {
  return action == "pause" || action == "halt" || action == "rollback";
}

Result<json> act(const ApiClient& api, const std::string& id, const std::string& action,
                 const json& details = json::object()) {
  for (int tries_left = is_stop(action) ? stop_tries : 1;; --tries_left) {
    ARGOSY_TRY(const json rollout, api.get(path_of(id)));
    auto changed = api.post_if_match(path_of(id) + "/" + action, cell(rollout, "/etag"), details);
    if (changed || changed.error().code != Errc::precondition_failed || tries_left <= 1) return changed;
  }
}

// Those after `last`, which moves on to the newest: one line each, as they were taken.
void print_new_decisions(const Context& context, const json& newest_first, double& last) {
  const json& items = list_in(newest_first, "items");
  for (auto at = items.rbegin(); at != items.rend(); ++at) {
    const json& decision = *at;
    const double number = number_in(decision, "id").value_or(0);
    if (number <= last) continue;
    last = number;
    print_note(context.output, cell(decision, "/at") + "  " + cell(decision, "/actor") + "  " +
                                   cell(decision, "/decision") + ": " + cell(decision, "/message"));
  }
}

// Follows a rollout to its end: one line for each decision, exit_not_completed unless it completes.
Result<int> watch(const Context& context, const ApiClient& api, const std::string& id) {
  double last_decision = 0;
  std::string last_counts;
  int unreachable = 0;
  for (;;) {
    const auto rollout = api.get(path_of(id));
    if (!rollout && exit_code_of(rollout.error().code) == exit_unavailable && ++unreachable < 60) {
      std::this_thread::sleep_for(std::chrono::seconds(1));
      continue;
    }
    if (!rollout) return rollout.error();
    unreachable = 0;
    const auto decisions = api.get(path_of(id) + "/decisions?limit=500");
    if (decisions) print_new_decisions(context, *decisions, last_decision);
    const std::string counts = counts_text(member(*rollout, "counts"));
    if (counts != last_counts) print_note(context.output, "  " + counts);
    last_counts = counts;
    const std::string state = cell(*rollout, "/state");
    if (has_ended(state)) {
      print_rollout(context, *rollout);
      return state == "completed" ? exit_ok : exit_not_completed;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

Result<int> create(const Context& context, const CreateFlags& flags) {
  const auto at = flags.release.find('@');
  if (at == std::string::npos)
    return make_error(Errc::invalid_argument, "\"" + flags.release + "\" is not a release; write MODEL@VERSION");
  json document{{"model", flags.release.substr(0, at)},
                {"version", flags.release.substr(at + 1)},
                {"name", flags.name.empty() ? flags.release : flags.name},
                {"filter", flags.filter}};
  if (!flags.policy_file.empty()) {
    ARGOSY_TRY(const std::string text, read_file(flags.policy_file, 1 << 20));
    auto policy = parse_json(text);
    if (!policy)
      return make_error(
          Errc::malformed_json,
          flags.policy_file + " is not a policy as docs/rollouts.md describes it: " + policy.error().message);
    document["policy"] = std::move(*policy);
  }
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(json rollout, api.post("/rollouts", document));
  const std::string id = cell(rollout, "/id");
  if (flags.start || flags.watch) {
    ARGOSY_TRY(rollout, act(api, id, "start"));
  }
  if (flags.watch) return watch(context, api, id);
  print_rollout(context, rollout);
  return exit_ok;
}

Result<int> list_rollouts(const Context& context) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json items, api.list("/rollouts", "", 200));
  if (context.output.json) {
    print_json(items);
    return exit_ok;
  }
  std::vector<Row> rows;
  for (const json& rollout : items)
    rows.push_back({cell(rollout, "/id"), cell(rollout, "/name"),
                    cell(rollout, "/model") + "@" + cell(rollout, "/version"), cell(rollout, "/state"),
                    cell(rollout, "/created_at"), counts_text(member(rollout, "counts"))});
  print_table({"ID", "NAME", "RELEASE", "STATE", "CREATED", "DEVICES"}, rows);
  return exit_ok;
}

Result<int> show_rollout(const Context& context, const std::string& id) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json rollout, api.get(path_of(id)));
  print_rollout(context, rollout);
  return exit_ok;
}

Result<int> show_decisions(const Context& context, const std::string& id) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json items, api.list(path_of(id) + "/decisions", "", 500));
  if (context.output.json) {
    print_json(items);
    return exit_ok;
  }
  std::vector<Row> rows;
  for (const json& d : items)
    rows.push_back({cell(d, "/at"), cell(d, "/actor"), cell(d, "/rule"), cell(d, "/decision"), cell(d, "/message")});
  print_table({"AT", "ACTOR", "RULE", "DECISION", "MESSAGE"}, rows);
  return exit_ok;
}

Result<int> show_rollout_devices(const Context& context, const std::string& id) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json items, api.list(path_of(id) + "/devices", "", 100000));
  if (context.output.json) {
    print_json(items);
    return exit_ok;
  }
  std::vector<Row> rows;
  for (const json& d : items)
    rows.push_back({cell(d, "/device"), cell(d, "/wave"), cell(d, "/state"), cell(d, "/cause"), cell(d, "/source"),
                    cell(d, "/bytes"), cell(d, "/full_bytes"), cell(d, "/message")});
  print_table({"DEVICE", "WAVE", "STATE", "CAUSE", "SOURCE", "BYTES", "FULL", "MESSAGE"}, rows);
  return exit_ok;
}

void add_create(CLI::App& rollout, Context& context) {
  auto* command = rollout.add_subcommand("create", "Plan a rollout of a release");
  auto flags = std::make_shared<CreateFlags>();
  command->add_option("release", flags->release, "MODEL@VERSION")->required();
  command->add_option("--name", flags->name, "What to call it");
  command->add_option("--filter", flags->filter, "Which devices; by default all suitable ones");
  command->add_option("--policy", flags->policy_file, "JSON file: waves, gate, abort criteria, guards, probation");
  command->add_flag("--start", flags->start, "Start it at once");
  command->add_flag("--watch", flags->watch, "Start it and follow it to its end");
  command->callback([&context, flags] { context.chosen = [&context, flags] { return create(context, *flags); }; });
}

// A command that takes the rollout's number and nothing else.
void add_with_id(CLI::App& rollout, Context& context, const char* name, const char* help,
                 std::function<Result<int>(const Context&, const std::string&)> run) {
  auto* command = rollout.add_subcommand(name, help);
  auto id = std::make_shared<std::string>();
  command->add_option("id", *id, "Number of the rollout")->required();
  command->callback([&context, id, run] { context.chosen = [&context, id, run] { return run(context, *id); }; });
}

struct Verb {
  const char* name;
  const char* help;
};

constexpr Verb verbs[] = {
    {"start", "Open the canary wave"},
    {"pause", "Tell no further device to update until the rollout is resumed"},
    {"resume", "Go on after a pause"},
    {"promote", "Open the next wave now"},
    {"halt", "Stop for good: no further device gets the release, and those that have it keep it"},
    {"rollback", "Stop, and give each device back what it had before"},
};

}  // namespace

void add_rollout_commands(CLI::App& root, Context& context) {
  auto* rollout = root.add_subcommand("rollout", "Staged updates of the fleet")->require_subcommand(1);
  add_create(*rollout, context);
  rollout->add_subcommand("list", "Rollouts, newest first")->callback([&context] {
    context.chosen = [&context] { return list_rollouts(context); };
  });
  add_with_id(*rollout, context, "show", "One rollout", show_rollout);
  add_with_id(*rollout, context, "decisions", "Why it did what it did", show_decisions);
  add_with_id(*rollout, context, "devices", "How each device is doing", show_rollout_devices);
  add_with_id(*rollout, context, "watch", "Follow it to its end; exit code 7 unless it completes",
              [](const Context& c, const std::string& id) -> Result<int> {
                ARGOSY_TRY(const ApiClient api, c.api());
                return watch(c, api, id);
              });
  for (const Verb& verb : verbs) {
    add_with_id(*rollout, context, verb.name, verb.help,
                [name = std::string(verb.name)](const Context& c, const std::string& id) -> Result<int> {
                  ARGOSY_TRY(const ApiClient api, c.api());
                  ARGOSY_TRY(const json changed, act(api, id, name));
                  print_rollout(c, changed);
                  return exit_ok;
                });
  }
  auto* retry = rollout->add_subcommand("retry", "Let failed devices try again");
  auto id = std::make_shared<std::string>();
  auto cause = std::make_shared<std::string>();
  retry->add_option("id", *id, "Number of the rollout")->required();
  retry->add_option("--cause", *cause, "Only those that failed with this cause");
  retry->callback([&context, id, cause] {
    context.chosen = [&context, id, cause]() -> Result<int> {
      ARGOSY_TRY(const ApiClient api, context.api());
      const json body = cause->empty() ? json::object() : json{{"cause", *cause}};
      ARGOSY_TRY(const json rollout_now, act(api, *id, "retry", body));
      print_rollout(context, rollout_now);
      return exit_ok;
    };
  });
}

}  // namespace argosy::cli
