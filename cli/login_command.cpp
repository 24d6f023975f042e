#include <iostream>
#include <memory>

#include <unistd.h>

#include "cli/command.hpp"
#include "cli/exit_code.hpp"
#include "common/base/id.hpp"
#include "common/json/json_look.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

struct LoginFlags {
  std::string link;
  std::string user;
  bool password_from_stdin = false;
};

// The token of a one-time link, given whole or as the token alone.
std::string link_token(const std::string& link) {
  const auto at = link.find("token=");
  return at == std::string::npos ? link : link.substr(at + 6);
}

Result<std::string> ask_password(bool from_stdin) {
  std::string password;
  if (!from_stdin && ::isatty(STDIN_FILENO) == 1) {
    if (char* typed = ::getpass("Password: ")) password = typed;
  } else {
    std::getline(std::cin, password);
  }
  if (password.empty()) return make_error(Errc::invalid_argument, "no password was given");
  return password;
}

// Names of tokens hold no spaces; a host's name may hold anything.
std::string token_name() {
  char host[48] = "unknown";
  ::gethostname(host, sizeof host - 1);
  std::string name = std::string("login-") + host;
  for (char& c : name) {
    if (!is_name(std::string_view(&c, 1)) && c != '.') c = '-';
  }
  return name;
}

Error explained(const Error& error) {
  if (error.code != Errc::forbidden) return error;
  return make_error(Errc::forbidden, error.message +
                                         ". Logging in with a link or a password makes an API token, which only an "
                                         "administrator may do: ask one for a token, and log in with --token TOKEN");
}

// A new token for whoever has this link.
Result<std::string> token_for_link(const ApiClient& api, const LoginFlags& flags) {
  const json credentials{{"token", link_token(flags.link)}, {"needs", "manage_people"}};
  auto token = api.token_for_login("/login/link", credentials, token_name());
  if (token || token.error().code != Errc::forbidden) return token;
  return make_error(Errc::forbidden,
                    explained(token.error()).message + ". The link is still good: open it in a browser");
}

// A new token for whoever knows this password.
Result<std::string> token_for_password(const Context& context, const ApiClient& api, const LoginFlags& flags) {
  if (!flags.password_from_stdin) print_note(context.output, "Only an administrator can log in here with a password.");
  ARGOSY_TRY(const std::string password, ask_password(flags.password_from_stdin));
  const json credentials{{"name", flags.user}, {"password", password}};
  auto token = api.token_for_login("/login", credentials, token_name());
  if (!token) return explained(token.error());
  return token;
}

Result<std::string> token_for(const Context& context, Settings settings, const LoginFlags& flags) {
  if (!context.flags.token.empty()) return context.flags.token;
  settings.token.clear();
  const ApiClient api(std::move(settings));
  if (!flags.link.empty()) return token_for_link(api, flags);
  if (!flags.user.empty()) return token_for_password(context, api, flags);
  return make_error(Errc::invalid_argument, "say who you are: --user NAME, --link LINK or --token TOKEN");
}

Result<int> log_in(const Context& context, const LoginFlags& flags) {
  ARGOSY_TRY(Settings settings, load_settings(context.flags));
  ARGOSY_TRY(settings.token, token_for(context, settings, flags));
  ARGOSY_TRY(const json me, ApiClient(settings).get("/me"));
  ARGOSY_CHECK(save_credentials(settings));
  if (context.output.json) print_json({{"server", settings.server.to_string()}, {"user", member(me, "user")}});
  print_note(context.output, "Logged in to " + settings.server.to_string() + " as " + cell(me, "/user/name") + " (" +
                                 cell(me, "/user/role") + "); credentials in " + credentials_path().string());
  return exit_ok;
}

Result<int> show_me(const Context& context) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json me, api.get("/me"));
  if (context.output.json) {
    print_json(me);
  } else {
    std::printf("%s (%s) at %s\n", cell(me, "/user/name").c_str(), cell(me, "/user/role").c_str(),
                api.settings().server.to_string().c_str());
  }
  return exit_ok;
}

}  // namespace

void add_login_commands(CLI::App& root, Context& context) {
  auto* login = root.add_subcommand("login",
                                    "Log in and remember the server (with --server URL). Administrators use a link or "
                                    "their password; everybody else uses --token TOKEN");
  auto flags = std::make_shared<LoginFlags>();
  login->add_option("--link", flags->link,
                    "An administrator's one-time link, as argosyd prints it, or the token in it");
  login->add_option("--user", flags->user, "Name of an administrator; the password is asked for");
  login->add_flag("--password-stdin", flags->password_from_stdin, "Read the password from standard input");
  login->callback([&context, flags] { context.chosen = [&context, flags] { return log_in(context, *flags); }; });

  root.add_subcommand("logout", "Forget the remembered credentials")->callback([&context] {
    context.chosen = [&context]() -> Result<int> {
      ARGOSY_CHECK(forget_credentials());
      if (context.output.json) print_json(json::object());
      print_note(context.output, "Credentials forgotten; the token stays valid until it is revoked.");
      return exit_ok;
    };
  });
  root.add_subcommand("whoami", "Show who you are logged in as")->callback([&context] {
    context.chosen = [&context] { return show_me(context); };
  });
}

}  // namespace argosy::cli
