#include "agent/app/command_line.hpp"

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string_view>

#include <malloc.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "agent/app/agent.hpp"
#include "agent/app/way_out.hpp"
#include "agent/update/release_trust.hpp"

namespace argosy::agent {

namespace {

constexpr const char* usage =
    "usage: argosy-agent [--config FILE] [--check-config]\n"
    "Keeps this device's models up to date and tells the server how they are doing.\n"
    "  --config FILE    default /etc/argosy/agent.toml; every key is in docs/agent.md\n"
    "  --check-config   read the configuration, say what is wrong with it, and exit\n"
    "  --version, --help\n"
    "exit status: 0 orderly end, 1 could not start, 2 wrong usage or configuration,\n"
    "             3 another agent has this root or this run_dir: nothing of it was touched\n";

struct Options {
  std::filesystem::path config = "/etc/argosy/agent.toml";
  bool check_only = false;
};

// Few arenas and early returns to the system: this process must stay small on boards with little memory.
void keep_memory_small() {
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_TRIM_THRESHOLD, 64 << 10);
  ::mallopt(M_MMAP_THRESHOLD, 64 << 10);
}

void set_up_log(const std::string& level) {
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::stderr_sink_mt>()));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  spdlog::set_level(spdlog::level::from_str(level));
}

int fail(int code, std::string_view message) {
  std::fprintf(stderr, "argosy-agent: %.*s\n", static_cast<int>(message.size()), message.data());
  return code;
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help" || argument == "-h") return std::fputs(usage, stdout), 0;
    if (argument == "--version") return std::puts("argosy-agent " ARGOSY_VERSION), 0;
    if (argument == "--check-config")
      options.check_only = true;
    else if (argument == "--config" && i + 1 < argc)
      options.config = argv[++i];
    else
      return fail(2, "'" + std::string(argument) + "' is not an option, or lacks its value\n" + usage);
  }
  std::error_code unknown;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", unknown);
  const auto config = load_config(options.config, program);
  if (!config) return fail(2, config.error().message);
  const auto trust =
      load_policy(config->signing_keys, config->signing_required, {config->capabilities, config->hardware_class});
  if (!trust) return fail(2, options.config.string() + ": " + trust.error().message);
  const auto way_out = find_way_out(*config);
  if (!way_out) return fail(2, options.config.string() + ": " + way_out.error().message);
  if (options.check_only) return std::puts("the configuration is in order"), 0;
  keep_memory_small();
  std::signal(SIGPIPE, SIG_IGN);  // a broken connection is an error of that connection
  set_up_log(config->log_level);
  const auto ended = run_agent(*config);
  if (ended) return 0;
  return fail(ended.error().code == Errc::conflict ? 3 : 1, ended.error().message);
}

}  // namespace argosy::agent
