#include <chrono>
#include <memory>
#include <thread>

#include "cli/command.hpp"
#include "cli/evidence_command.hpp"
#include "cli/exit_code.hpp"
#include "cli/listing.hpp"
#include "cli/rollout_output.hpp"
#include "cli/rollout_reach.hpp"
#include "cli/rollout_watch.hpp"
#include "common/base/file.hpp"
#include "common/base/id.hpp"
#include "common/json/json_look.hpp"
#include "common/json/json_text.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

constexpr int stop_tries = 5;

struct CreateFlags {
  std::string release, name, filter, policy_file, start_at;
  bool include_resting = false;
  bool standing = false;
  bool start = false;
  bool watch = false;
  bool dry_run = false;
  WatchFlags watching;
};

// What means the same however far the rollout has come meanwhile, and should not lose a race with its progress.
bool is_stop(std::string_view action) {
  return action == "pause" || action == "halt" || action == "rollback" || action == "unassign";
}

Result<json> act(const ApiClient& api, const std::string& id, const std::string& action,
                 const json& details = json::object()) {
  for (int tries_left = is_stop(action) ? stop_tries : 1;; --tries_left) {
    ARGOSY_TRY(const json rollout, api.get(rollout_path(id)));
    auto changed = api.post_if_match(rollout_path(id) + "/" + action, cell(rollout, "/etag"), details);
    if (changed || changed.error().code != Errc::precondition_failed || tries_left <= 1) return changed;
  }
}

// Until the devices of a draft are planned; one line for each step.
Result<json> follow_plan(const Context& context, const ApiClient& api, json rollout) {
  const std::string id = cell(rollout, "/id");
  std::string last;
  for (;;) {
    const auto planning = planning_text(rollout);
    if (planning.empty()) return rollout;
    if (planning != last) print_note(context.output, "  " + planning);
    last = planning;
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    ARGOSY_TRY(rollout, api.get(rollout_path(id)));
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
  if (flags.include_resting) {
    json& policy = document["policy"];
    if (policy.is_null() || policy.is_object()) policy["include_resting"] = true;  // anything else is refused
  }
  if (flags.standing) document["standing"] = true;
  if (!flags.start_at.empty()) document["start_at"] = flags.start_at;
  ARGOSY_TRY(const ApiClient api, context.api());
  if (flags.dry_run) return preview_rollout(context, api, document);
  ARGOSY_TRY(json rollout, api.post("/rollouts", document));
  const std::string id = cell(rollout, "/id");
  print_warnings(context, rollout);
  if (flags.start || flags.watch || !flags.start_at.empty()) {
    ARGOSY_TRY(rollout, act(api, id, "start"));
  }
  if (flags.watch) return watch_rollout(context, api, id, flags.watching);
  if (!flags.start) {
    ARGOSY_TRY(rollout, follow_plan(context, api, std::move(rollout)));
  }
  print_reach_warnings(context, member(rollout, "reach"));
  print_rollout(context, rollout);
  return exit_ok;
}

Result<int> list_rollouts(const Context& context) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json items, api.list("/rollouts", "", 200));
  return print_rows(context.output, items, {"ID", "NAME", "RELEASE", "STATE", "STANDS", "CREATED", "DEVICES"},
                    [](const json& rollout) {
                      return Row{cell(rollout, "/id"),
                                 cell(rollout, "/name"),
                                 cell(rollout, "/model") + "@" + cell(rollout, "/version"),
                                 cell(rollout, "/state"),
                                 standing_word(rollout),
                                 cell(rollout, "/created_at"),
                                 counts_text(member(rollout, "counts"))};
                    });
}

Result<int> show_rollout(const Context& context, const std::string& id) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json rollout, api.get(rollout_path(id)));
  print_rollout(context, rollout);
  return exit_ok;
}

Result<int> show_decisions(const Context& context, const std::string& id) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json items, api.list(rollout_path(id) + "/decisions", "", 500));
  if (context.output.json) {
    print_json(items);
    return exit_ok;
  }
  const Table table = decisions_table(items);
  print_table(table.header, table.rows);
  return exit_ok;
}

// Why it stands where it stands: what its gate waits for, what its guards measured, and what was decided so far.
Result<int> explain_rollout(const Context& context, const std::string& id) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(json rollout, api.get(rollout_path(id)));
  ARGOSY_TRY(const json decisions, api.list(rollout_path(id) + "/decisions", "", 500));
  const auto told = api.get(rollout_path(id) + "/validation");  // not of servers of before
  const json validation = told ? *told : json::object();
  if (context.output.json) {
    rollout["decisions"] = decisions;
    rollout["validation"] = validation;
    print_json(rollout);
    return exit_ok;
  }
  print_rollout(context, rollout);
  print_warnings(context, rollout);
  if (const std::string gate = text_in(rollout, "gate"); !gate.empty()) std::printf("\nGate: %s\n", gate.c_str());
  print_section("What the first wave's canary can find out", reach_table(member(rollout, "reach")), "nothing");
  print_section("Guards", guards_table(list_in(rollout, "guards")), "none");
  if (const std::string text = validation_text(validation); !text.empty())
    print_section(("Validation: " + text).c_str(), validation_table(validation), "none");
  print_section("Decisions, newest first", decisions_table(decisions), "none yet");
  return exit_ok;
}

// What it waits for comes before what happened.
std::string device_text(const json& device) {
  if (const std::string until = text_in(device, "resting_until"); !until.empty())
    return "rests until " + until + ": " + cell(device, "/message");
  if (const std::string at = text_in(device, "joined_at"); !at.empty() && text_in(device, "message").empty())
    return "joined what stands at " + at;
  if (const std::string at = text_in(device, "retry_at"); !at.empty())
    return "tries again at " + at + ": " + cell(device, "/message");
  return cell(device, "/message");
}

Result<int> show_rollout_devices(const Context& context, const std::string& id) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json items, api.list(rollout_path(id) + "/devices", "", 100000));
  return print_rows(context.output, items, {"DEVICE", "WAVE", "STATE", "CAUSE", "SOURCE", "BYTES", "FULL", "MESSAGE"},
                    [](const json& d) {
                      return Row{cell(d, "/device"), cell(d, "/wave"),  cell(d, "/state"),      cell(d, "/cause"),
                                 cell(d, "/source"), cell(d, "/bytes"), cell(d, "/full_bytes"), device_text(d)};
                    });
}

void add_create(CLI::App& rollout, Context& context) {
  auto* command = rollout.add_subcommand("create", "Plan a rollout of a release");
  auto flags = std::make_shared<CreateFlags>();
  command->add_option("release", flags->release, "MODEL@VERSION")->required();
  command->add_option("--name", flags->name, "What to call it");
  command->add_option("--filter", flags->filter, "Which devices; by default all suitable ones");
  command->add_option("--policy", flags->policy_file, "JSON file: waves, gate, abort criteria, guards, probation");
  command->add_flag("--include-resting", flags->include_resting,
                    "Devices, too, that rest because they failed again and again");
  command->add_flag(
      "--standing", flags->standing,
      "Once it has completed, devices that enrol later, or come to match the filter, get the release, too");
  auto* dry_run = command->add_flag("--dry-run", flags->dry_run,
                                    "Make nothing: tell its waves, what its canary can find out, what devices would "
                                    "download, and who is left out");
  command->add_flag("--start", flags->start, "Start it at once")->excludes(dry_run);
  command->add_option("--start-at", flags->start_at, "Start it then: 2026-08-01T02:00:00Z");
  command->add_flag("--watch", flags->watch, "Start it and follow it until it ends or pauses")->excludes(dry_run);
  add_timeout_option(*command, flags->watching.timeout_s);
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

void add_watch(CLI::App& rollout, Context& context) {
  auto* command = rollout.add_subcommand(
      "watch", "Follow it until it ends or pauses; exit code 7 when it ends without completing, 8 when it pauses");
  auto id = std::make_shared<std::string>();
  auto flags = std::make_shared<WatchFlags>();
  command->add_option("id", *id, "Number of the rollout")->required();
  add_timeout_option(*command, flags->timeout_s);
  command->callback([&context, id, flags] {
    context.chosen = [&context, id, flags]() -> Result<int> {
      ARGOSY_TRY(const ApiClient api, context.api());
      return watch_rollout(context, api, *id, *flags);
    };
  });
}

struct Verb {
  const char* name;
  const char* help;
};

constexpr Verb verbs[] = {
    {"cancel", "Take back a start that has not happened yet: it is a draft again"},
    {"pause", "Tell no further device to update until the rollout is resumed"},
    {"resume", "Go on after a pause"},
    {"halt", "Stop for good: no further device gets the release, and those that have it keep it"},
    {"rollback", "Stop, and give each device back what it had before"},
    {"assign", "Let it stand: once it has completed, devices that come later get its release"},
    {"unassign", "Let it stand no more: devices that come later get nothing from it"},
};

// A command that takes the rollout's number, and what `details` makes of its own options.
void add_verb(CLI::App& rollout, Context& context, const Verb& verb, const std::function<void(CLI::App&)>& add_options,
              std::function<json()> details) {
  auto* command = rollout.add_subcommand(verb.name, verb.help);
  auto id = std::make_shared<std::string>();
  command->add_option("id", *id, "Number of the rollout")->required();
  add_options(*command);
  command->callback([&context, id, details, name = std::string(verb.name)] {
    context.chosen = [&context, id, details, name]() -> Result<int> {
      ARGOSY_TRY(const ApiClient api, context.api());
      ARGOSY_TRY(const json changed, act(api, *id, name, details()));
      print_rollout(context, changed);
      return exit_ok;
    };
  });
}

// One that takes a text beside the number; none is sent when it is empty.
void add_verb_with_text(CLI::App& rollout, Context& context, const Verb& verb, const char* flag, const char* key,
                        const char* help) {
  auto text = std::make_shared<std::string>();
  add_verb(
      rollout, context, verb, [=](CLI::App& command) { command.add_option(flag, *text, help); },
      [text, key = std::string(key)] {
        return text->empty() ? json::object() : json{{key, *text}};
      });
}

void add_promote(CLI::App& rollout, Context& context) {
  auto all = std::make_shared<bool>(false);
  auto override_guards = std::make_shared<bool>(false);
  add_verb(
      rollout, context, {"promote", "Open the next wave now"},
      [all, override_guards](CLI::App& command) {
        auto* of_all = command.add_flag(
            "--all", *all,
            "The waves behind it too, one after the other, without their bakes; abort criteria, failing guards and "
            "required guards still stop it");
        command.add_flag("--override-guards", *override_guards, "With --all: past required guards that wait, too")
            ->needs(of_all);
      },
      [all, override_guards] {
        json body = json::object();
        if (*all) body["all"] = true;
        if (*override_guards) body["override_guards"] = true;
        return body;
      });
}

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
  add_with_id(*rollout, context, "explain", "Why it stands where it stands: gate, guards and decisions",
              explain_rollout);
  add_evidence_command(*rollout, context);
  add_watch(*rollout, context);
  for (const Verb& verb : verbs) {
    add_with_id(*rollout, context, verb.name, verb.help,
                [name = std::string(verb.name)](const Context& c, const std::string& id) -> Result<int> {
                  ARGOSY_TRY(const ApiClient api, c.api());
                  ARGOSY_TRY(const json changed, act(api, id, name));
                  print_rollout(c, changed);
                  return exit_ok;
                });
  }
  add_verb_with_text(*rollout, context, {"start", "Open the canary wave"}, "--at", "start_at",
                     "Not now, but then: 2026-08-01T02:00:00Z");
  add_verb_with_text(*rollout, context, {"approve", "Let a rollout start that another account made"}, "--comment",
                     "comment", "For the decision log");
  add_verb_with_text(*rollout, context, {"refuse", "Send a rollout that waits for approval back to draft"}, "--comment",
                     "comment", "For the decision log");
  add_promote(*rollout, context);
  auto* retry = rollout->add_subcommand("retry", "Let failed devices try again");
  auto id = std::make_shared<std::string>();
  auto cause = std::make_shared<std::string>();
  retry->add_option("id", *id, "Number of the rollout")->required();
  retry->add_option("--cause", *cause, "Only those that failed with this cause");
  auto include_resting = std::make_shared<bool>(false);
  retry->add_flag("--include-resting", *include_resting, "Those, too, that rest because they failed again and again");
  retry->callback([&context, id, cause, include_resting] {
    context.chosen = [&context, id, cause, include_resting]() -> Result<int> {
      ARGOSY_TRY(const ApiClient api, context.api());
      json body = json::object();
      if (!cause->empty()) body["cause"] = *cause;
      if (*include_resting) body["include_resting"] = true;
      ARGOSY_TRY(const json rollout_now, act(api, *id, "retry", body));
      print_rollout(context, rollout_now);
      return exit_ok;
    };
  });
}

}  // namespace argosy::cli
