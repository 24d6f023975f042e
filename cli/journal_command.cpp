// argosy event | audit: what happened in the fleet, and who changed what.
#include <chrono>
#include <memory>
#include <thread>

#include "cli/command.hpp"
#include "cli/exit_code.hpp"
#include "cli/listing.hpp"
#include "common/json/json_look.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

constexpr std::chrono::seconds look_again_after{2};

struct EventFlags {
  std::string device, rollout, kind, severity;
  std::size_t limit = 50;

  std::string path(std::string after = "") const {
    return with_query("/events", {{"device", device},
                                  {"rollout", rollout},
                                  {"kind", kind},
                                  {"severity", severity},
                                  {"after", std::move(after)}});
  }
};

const std::vector<Column> event_columns = {{"AT", "/at"},
                                           {"SEVERITY", "/severity"},
                                           {"KIND", "/kind"},
                                           {"DEVICE", "/device_id"},
                                           {"ROLLOUT", "/rollout_id"},
                                           {"MESSAGE", "/message"}};

// A line an event as it comes, for people and for `--json | jq`; ends with Ctrl-C, or when the server does not answer.
void print_event(const OutputOptions& output, const json& event) {
  std::string line = event.dump();
  if (!output.json) {
    line = cell(event, "/at") + "  " + cell(event, "/severity") + "  " + cell(event, "/kind") + "  " +
           cell(event, "/device_id") + "  " + cell(event, "/message");
  }
  std::puts(line.c_str());
  std::fflush(stdout);
}

Result<int> follow_events(const Context& context, const EventFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json newest, api.list(flags.path(), "", 1));
  std::string after = newest.empty() ? "0" : cell(newest.front(), "/id");
  for (;;) {
    ARGOSY_TRY(const json events, api.list(flags.path(after), "", 500));
    for (const json& event : events) print_event(context.output, event);
    if (!events.empty()) after = cell(events.back(), "/id");
    std::this_thread::sleep_for(look_again_after);
  }
}

void add_event_options(CLI::App& command, EventFlags& flags) {
  command.add_option("--device", flags.device, "Of this device alone");
  command.add_option("--rollout", flags.rollout, "Of this rollout alone");
  command.add_option("--kind", flags.kind, "Of this kind alone, as in alert.firing");
  command.add_option("--severity", flags.severity, "info, warning or critical");
}

void add_event_commands(CLI::App& root, Context& context) {
  auto* event = root.add_subcommand("event", "What happened in the fleet")->require_subcommand(1);
  auto flags = std::make_shared<EventFlags>();
  auto* list = event->add_subcommand("list", "The newest first");
  add_event_options(*list, *flags);
  list->add_option("--limit", flags->limit, "At most this many")->capture_default_str();
  list->callback([&context, flags] {
    context.chosen = [&context, flags] { return print_list(context, flags->path(), event_columns, flags->limit); };
  });
  auto* follow =
      event->add_subcommand("follow", "A line for each as it happens, until Ctrl-C; with --json an object a line");
  add_event_options(*follow, *flags);
  follow->callback(
      [&context, flags] { context.chosen = [&context, flags] { return follow_events(context, *flags); }; });
}

struct AuditFlags {
  std::string actor, object;
  std::size_t limit = 50;
};

Result<int> list_audit(const Context& context, const AuditFlags& flags) {
  return print_list(
      context, with_query("/audit", {{"actor", flags.actor}, {"object", flags.object}}),
      {{"AT", "/at"}, {"ACTOR", "/actor"}, {"ACTION", "/action"}, {"OBJECT", "/object"}, {"FROM", "/address"}},
      flags.limit);
}

Result<int> show_audit_head(const Context& context) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json head, api.get("/audit/head"));
  if (context.output.json) {
    print_json(head);
  } else {
    std::printf("%s %s\n", cell(head, "/seal").c_str(), cell(head, "/hash").c_str());
  }
  return exit_ok;
}

struct HeadFlags {
  std::string seal, hash;
};

// Call by call, each of which walks a stretch of the chain.
Result<int> verify_audit(const Context& context, const HeadFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  std::uint64_t rows = 0;
  for (std::string after;;) {
    ARGOSY_TRY(json step,
               api.get(with_query("/audit/verify", {{"after", after}, {"seal", flags.seal}, {"hash", flags.hash}})));
    rows += static_cast<std::uint64_t>(number_in(step, "rows").value_or(0));
    const bool is_intact = step.value("intact", false);
    if (is_intact && !step.value("complete", true)) {
      after = cell(step, "/reached/seal");
      continue;
    }
    if (!is_intact) return make_error(Errc::corrupt, "the audit log is not whole: " + cell(step, "/fault/message"));
    step["rows"] = rows;
    if (context.output.json) print_json(step);
    print_note(context.output,
               "The audit log is whole: " + std::to_string(rows) + " rows, up to seal " + cell(step, "/reached/seal"));
    return exit_ok;
  }
}

void add_audit_commands(CLI::App& root, Context& context) {
  auto* audit = root.add_subcommand("audit", "What people and programs changed")->require_subcommand(1);
  auto flags = std::make_shared<AuditFlags>();
  auto* list = audit->add_subcommand("list", "The newest first");
  list->add_option("--actor", flags->actor, "By this one alone");
  list->add_option("--object", flags->object, "Of this object alone, as in device/cam-7");
  list->add_option("--limit", flags->limit, "At most this many")->capture_default_str();
  list->callback([&context, flags] { context.chosen = [&context, flags] { return list_audit(context, *flags); }; });

  audit
      ->add_subcommand("head",
                       "The newest seal and its hash: note them elsewhere, and `verify` can tell a log that was cut")
      ->callback([&context] { context.chosen = [&context] { return show_audit_head(context); }; });

  auto head = std::make_shared<HeadFlags>();
  auto* verify = audit->add_subcommand("verify", "Walk the log's chain of hashes");
  auto* seal = verify->add_option("--seal", head->seal, "A seal that was noted earlier");
  auto* hash = verify->add_option("--hash", head->hash, "Its hash");
  seal->needs(hash);
  hash->needs(seal);
  verify->callback([&context, head] { context.chosen = [&context, head] { return verify_audit(context, *head); }; });
}

}  // namespace

void add_journal_commands(CLI::App& root, Context& context) {
  add_event_commands(root, context);
  add_audit_commands(root, context);
}

}  // namespace argosy::cli
