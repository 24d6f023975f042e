#include "server/app/argosyd.hpp"

#include <csignal>
#include <iostream>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "common/base/file.hpp"
#include "common/base/open_files.hpp"
#include "server/access/access_api.hpp"
#include "server/access/access_service.hpp"
#include "server/app/command_line.hpp"
#include "server/app/config.hpp"
#include "server/app/init_pki.hpp"
#include "server/app/part_options.hpp"
#include "server/app/server.hpp"
#include "server/app/verify_audit.hpp"
#include "server/db/db_pool.hpp"
#include "server/db/migrations.hpp"
#include "server/work/worker_pool.hpp"

extern char** environ;

namespace argosy::server {
namespace {

namespace asio = boost::asio;

constexpr int status_done = 0;
constexpr int status_failed = 1;
constexpr int status_wrong_use = 2;

int complain(const Error& error, int status) {
  std::cerr << "argosyd: " << error.message << "\n";
  return status;
}

std::map<std::string, std::string> environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

Result<Config> load_config(const CommandLine& line) {
  ConfigSources sources{
      .toml = {}, .toml_name = line.config_file, .environment = environment(), .flags = line.settings};
  if (!line.config_file.empty()) {
    ARGOSY_TRY(sources.toml, read_file(line.config_file, 1 << 20));
  }
  return read_config(sources);
}

void set_up_log(const Config& config) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("argosyd"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v", spdlog::pattern_time_type::utc);
  spdlog::set_level(spdlog::level::from_str(config.log_level == "warn" ? "warning" : config.log_level));
  spdlog::flush_on(spdlog::level::info);
}

// Each connection is an open file.
void allow_connections(const Config& config) {
  constexpr std::int64_t others = 256;  // the database, the broker, files that are read and written
  const std::int64_t connections =
      config.operator_max_connections + (config.device_enabled ? config.device_max_connections : 0);
  const auto wanted = static_cast<std::uint64_t>(connections + others);
  const auto allowed = allow_open_files(wanted);
  if (allowed >= wanted) return;
  spdlog::warn(
      "{} open files are allowed and {} connections may need {}: raise LimitNOFILE (ulimit -Hn), or lower "
      "http.device.max_connections",
      allowed, connections, wanted);
}

// Starts, waits for SIGINT or SIGTERM, stops. A second signal ends the process at once.
Task<void> live(asio::io_context& io, Server& server, int& status) {
  asio::signal_set signals(io, SIGINT, SIGTERM);
  const auto started = co_await server.start();
  if (!started) {
    status = complain(started.error(), status_failed);
    io.stop();
    co_return;
  }
  co_await signals.async_wait(asio::as_tuple(asio::use_awaitable));
  signals.clear();
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  spdlog::info("stopping");
  co_await server.stop();
}

int serve(const Config& config) {
  set_up_log(config);
  allow_connections(config);
  asio::io_context io(1);
  auto server = Server::create(io, config);
  if (!server) return complain(server.error(), status_failed);
  int status = status_done;
  bool over = false;
  asio::co_spawn(io, live(io, **server, status), [&over](const std::exception_ptr&) { over = true; });
  while (!over && !io.stopped()) io.run_one();
  io.run_for(std::chrono::seconds(2));  // what still runs may end
  server->reset();
  spdlog::info("stopped");
  return status;
}

Task<Result<std::string>> make_link(AccessService& access) {
  co_return co_await access.make_admin_link(false, wall_clock_now());
}

int print_admin_link(const Config& config) {
  const auto migrated = migrate(config.database_conninfo, built_in_migrations());
  if (!migrated) return complain(migrated.error(), status_failed);
  asio::io_context io(1);
  DbPool db(io.get_executor(), {.conninfo = config.database_conninfo, .threads = 1});
  WorkerPool worker(io.get_executor(), {});
  AccessOptions options;
  options.link_life = std::chrono::minutes(config.access_link_minutes);
  AccessService access(db, worker, options);
  Result<std::string> token = make_error(Errc::internal, "not made");
  asio::co_spawn(io, make_link(access), [&](const std::exception_ptr& failure, Result<std::string> made) {
    if (!failure) token = std::move(made);
  });
  io.run();
  if (!token) return complain(token.error(), status_failed);
  const std::string url = config.operator_public_url.empty()
                              ? "http://" + config.operator_address + ":" + std::to_string(config.operator_port)
                              : config.operator_public_url;
  std::cout << login_link(url, *token) << "\n";
  return status_done;
}

int make_pki(const CommandLine& line) {
  const auto made = init_pki(line.pki_dir, line.hosts, wall_clock_now());
  if (!made) return complain(made.error(), status_failed);
  for (const std::string& name : *made) std::cout << "made " << name << ".pem and " << name << ".key\n";
  if (made->empty()) std::cout << "everything was there\n";
  return status_done;
}

}  // namespace

int run_argosyd(int argc, char** argv) {
  const auto line = parse_command_line({argv + 1, argv + argc});
  if (!line) return complain(line.error(), status_wrong_use);
  using Action = CommandLine::Action;
  switch (line->action) {
    case Action::help:
      std::cout << usage();
      return status_done;
    case Action::version:
      std::cout << "argosyd " << ARGOSY_VERSION << "\n";
      return status_done;
    case Action::config_reference:
      std::cout << config_markdown();
      return status_done;
    case Action::init_pki:
      return make_pki(*line);
    default:
      break;
  }
  const auto config = load_config(*line);
  if (!config) return complain(config.error(), status_wrong_use);
  if (line->action == Action::check_config) {
    const auto otlp = check_otlp(*config);
    return otlp ? status_done : complain(otlp.error(), status_wrong_use);
  }
  if (line->action == Action::verify_audit) return verify_audit(*config, line->noted_head);
  if (line->action == Action::admin_link) return print_admin_link(*config);
  return serve(*config);
}

}  // namespace argosy::server
