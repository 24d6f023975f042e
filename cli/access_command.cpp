// argosy user | token | claim: who and what may come in.
#include <memory>

#include "cli/command.hpp"
#include "cli/exit_code.hpp"
#include "cli/listing.hpp"
#include "common/json/json_look.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

// Users ---------------------------------------------------------------------------------------------------------------

void print_user(const OutputOptions& output, const json& user, const std::string& what_happened) {
  if (output.json) return print_json(user);
  print_note(output, what_happened);
  if (const std::string link = text_in(user, "link"); !link.empty()) {
    print_note(output, "This link lets " + cell(user, "/name") + " in once, and is shown once:");
    std::puts(link.c_str());
  }
}

Result<std::string> path_of_user(const ApiClient& api, const std::string& name) {
  ARGOSY_TRY(const json users, api.list("/users", "", 10'000));
  for (const json& user : users)
    if (text_in(user, "name") == name) return "/users/" + cell(user, "/id");
  return make_error(Errc::not_found, "there is no user \"" + name + "\"; `argosy user list` shows all");
}

Result<int> create_user(const Context& context, const std::string& name, const std::string& role) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json user, api.post("/users", {{"name", name}, {"role", role}}));
  print_user(context.output, user, "Made the user " + name + " (" + role + ")");
  return exit_ok;
}

Result<int> change_user(const Context& context, const std::string& name, const json& change, const std::string& told) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const std::string path, path_of_user(api, name));
  ARGOSY_TRY(const json user, api.patch(path, change));
  print_user(context.output, user, told);
  return exit_ok;
}

Result<int> list_users(const Context& context) {
  return print_list(context, "/users",
                    {{"NAME", "/name"}, {"ROLE", "/role"}, {"CREATED", "/created_at"}, {"DISABLED", "/disabled_at"}});
}

void add_user_commands(CLI::App& root, Context& context) {
  auto* user = root.add_subcommand("user", "People who may log in")->require_subcommand(1);
  user->add_subcommand("list", "All users")->callback([&context] {
    context.chosen = [&context] { return list_users(context); };
  });
  auto name = std::make_shared<std::string>();
  auto role = std::make_shared<std::string>("viewer");
  const auto add = [&](const char* verb, const char* help, bool with_role, auto action) {
    auto* command = user->add_subcommand(verb, help);
    command->add_option("name", *name, "Name of the user")->required();
    if (with_role) command->add_option("role", *role, "admin, operator, publisher or viewer")->capture_default_str();
    command->callback([&context, name, role, action] {
      context.chosen = [&context, name, role, action] { return action(context, *name, *role); };
    });
  };
  add("create", "Make a user; the link to log in is shown once", true, create_user);
  add("role", "Give a user another role", true, [](const Context& of, const std::string& who, const std::string& what) {
    return change_user(of, who, {{"role", what}}, who + " is " + what + " now");
  });
  add("disable", "Lock a user out, at once", false, [](const Context& of, const std::string& who, const std::string&) {
    return change_user(of, who, {{"disabled", true}}, who + " is locked out");
  });
  add("enable", "Let a user in again", false, [](const Context& of, const std::string& who, const std::string&) {
    return change_user(of, who, {{"disabled", false}}, who + " may log in again");
  });
  add("link", "Make a new link for a user who lost the way in", false,
      [](const Context& of, const std::string& who, const std::string&) {
        return change_user(of, who, {{"new_link", true}}, who + " has a new link; an older one is void");
      });
}

// Tokens --------------------------------------------------------------------------------------------------------------

struct TokenFlags {
  std::string name;
  std::string role = "viewer";
  std::int64_t expires_in_s = 0;
};

Result<int> create_token(const Context& context, const TokenFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  json wish{{"name", flags.name}, {"role", flags.role}};
  if (flags.expires_in_s > 0) wish["expires_in_s"] = flags.expires_in_s;
  ARGOSY_TRY(const json made, api.post("/tokens", wish));
  if (context.output.json) {
    print_json(made);
  } else {
    print_note(context.output, "This token is shown once:");
    std::puts(cell(made, "/token").c_str());
  }
  return exit_ok;
}

Result<int> list_tokens(const Context& context) {
  return print_list(context, "/tokens",
                    {{"ID", "/id"},
                     {"NAME", "/name"},
                     {"ROLE", "/effective_role"},
                     {"MADE BY", "/created_by"},
                     {"CREATED", "/created_at"},
                     {"LAST USED", "/last_used_at"},
                     {"EXPIRES", "/expires_at"},
                     {"REVOKED", "/revoked_at"}});
}

// What goes by a number and is taken away.
Result<int> remove(const Context& context, const std::string& list, const std::string& id, const std::string& told) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json answer, api.remove(list + "/" + net::percent_encode(id)));
  if (context.output.json) print_json(answer);
  print_note(context.output, told + " " + id);
  return exit_ok;
}

void add_removal(CLI::App& of, Context& context, const char* help, const char* list, const char* told) {
  auto* command = of.add_subcommand("revoke", help);
  auto id = std::make_shared<std::string>();
  command->add_option("id", *id, "Its number, as `list` shows it")->required();
  command->callback([&context, id, list, told] {
    context.chosen = [&context, id, list, told] { return remove(context, list, *id, told); };
  });
}

void add_token_commands(CLI::App& root, Context& context) {
  auto* token = root.add_subcommand("token", "API tokens")->require_subcommand(1);
  auto* create = token->add_subcommand("create", "Make a token; it is shown once");
  auto wish = std::make_shared<TokenFlags>();
  create->add_option("name", wish->name, "What the token is for")->required();
  create->add_option("--role", wish->role, "admin, operator, publisher or viewer")->capture_default_str();
  create->add_option("--expires-in", wish->expires_in_s, "Seconds until it expires; by default it never does");
  create->callback([&context, wish] { context.chosen = [&context, wish] { return create_token(context, *wish); }; });
  token->add_subcommand("list", "All tokens, without what is secret of them")->callback([&context] {
    context.chosen = [&context] { return list_tokens(context); };
  });
  add_removal(*token, context, "Make a token void, at once", "/tokens", "Revoked token");
}

// Claims --------------------------------------------------------------------------------------------------------------

struct ClaimFlags {
  int max_uses = 1;
  std::int64_t expires_in_s = 86400;
  std::string hardware_class;
  std::vector<std::string> labels;
};

Result<int> create_claim(const Context& context, const ClaimFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  json wish{{"max_uses", flags.max_uses}, {"expires_in_s", flags.expires_in_s}};
  if (!flags.hardware_class.empty()) wish["hardware_class"] = flags.hardware_class;
  if (!flags.labels.empty()) {
    ARGOSY_TRY(wish["labels"], labels_of(flags.labels));
  }
  ARGOSY_TRY(const json made, api.post("/claims", wish));
  if (context.output.json) {
    print_json(made);
  } else {
    print_note(context.output, "Give this claim to the device's agent; it is shown once. Fleet authority (SHA-256): " +
                                   cell(made, "/ca_sha256"));
    std::puts(cell(made, "/claim").c_str());
  }
  return exit_ok;
}

Result<int> list_claims(const Context& context) {
  return print_list(context, "/claims",
                    {{"ID", "/id"},
                     {"USED", "/uses"},
                     {"OF", "/max_uses"},
                     {"CLASS", "/hardware_class"},
                     {"LABELS", "/labels"},
                     {"MADE BY", "/created_by"},
                     {"EXPIRES", "/expires_at"},
                     {"REVOKED", "/revoked_at"}});
}

void add_claim_options(CLI::App& command, Context& context) {
  auto flags = std::make_shared<ClaimFlags>();
  command.add_option("--uses", flags->max_uses, "How many devices may enrol with it")->capture_default_str();
  command.add_option("--expires-in", flags->expires_in_s, "Seconds until it expires")->capture_default_str();
  command.add_option("--hardware-class", flags->hardware_class, "Hardware class that its devices get");
  command.add_option("--label", flags->labels, "KEY=VALUE, may be repeated");
  command.callback([&context, flags] { context.chosen = [&context, flags] { return create_claim(context, *flags); }; });
}

void add_claim_commands(CLI::App& root, Context& context) {
  auto* claim = root.add_subcommand("claim", "Claims, with which devices enrol")->require_subcommand(1);
  add_claim_options(*claim->add_subcommand("create", "Make a claim; it is shown once"), context);
  claim->add_subcommand("list", "All claims, without what is secret of them")->callback([&context] {
    context.chosen = [&context] { return list_claims(context); };
  });
  add_removal(*claim, context, "Let no further device enrol with a claim", "/claims", "Revoked claim");
}

}  // namespace

Result<json> labels_of(const std::vector<std::string>& pairs) {
  json labels = json::object();
  for (const std::string& pair : pairs) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      return make_error(Errc::invalid_argument, "\"" + pair + "\" is not a label; write KEY=VALUE");
    labels[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return labels;
}

void add_access_commands(CLI::App& root, Context& context) {
  add_user_commands(root, context);
  add_token_commands(root, context);
  add_claim_commands(root, context);
}

void add_claim_to_devices(CLI::App& device, Context& context) {
  add_claim_options(*device.add_subcommand("claim", "Make a claim, as `argosy claim create` does"), context);
}

}  // namespace argosy::cli
