#include "agent/app/make_serving.hpp"

#include "agent/serving/directory_serving.hpp"
#include "agent/serving/exec_serving.hpp"
#include "agent/serving/server_serving.hpp"

namespace argosy::agent {

std::unique_ptr<Serving> make_serving(const ServingConfig& config, HttpPort& http, std::uint64_t seed) {
  if (config.adapter == "exec")
    return std::make_unique<ExecServing>(ExecServing::Options{config.command, config.check_command, config.timeout_s});
  if (const auto kind = parse_server_kind(config.adapter))
    return std::make_unique<ServerServing>(
        ServerServing::Options{*kind, config.url, config.repository, config.file, config.metrics_url,
                               std::chrono::seconds(config.timeout_s), seed},
        http);
  return std::make_unique<DirectoryServing>(
      DirectoryServing::Options{config.reload_pid_file, config.reload_command, config.reload_timeout_s});
}

}  // namespace argosy::agent
