// The agent's configuration: one TOML file, read once. Every key has a default or is named when it is missing; an
// unknown key is an error. Blocking, at start.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/link/proxy.hpp"
#include "agent/update/download_policy.hpp"
#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/wire/state.hpp"

namespace argosy::agent {

// How models reach the inference program; docs/serving.md. Only the keys of the chosen adapter may be given.
struct ServingConfig {
  std::string adapter = "directory";  // or exec, triton, ovms, tfserving

  std::optional<std::filesystem::path> reload_pid_file;  // directory
  std::string reload_command;
  int reload_timeout_s = 30;

  std::string command;  // exec
  std::string check_command;

  std::string url;  // the model servers; without a slash at its end
  std::filesystem::path repository;
  std::string file;         // the model's name in a version's folder; default: model.<format>
  std::string metrics_url;  // default: programs report inferences themselves

  int timeout_s = 60;  // exec and the model servers
};

struct DownloadsConfig {
  DownloadRules rules;
  std::vector<std::string> redirect_hosts;
  std::optional<std::filesystem::path> redirect_ca_file;
};

// A program of the owner's whose numbers go along with the health samples.
struct ReadingsConfig {
  std::vector<std::string> command;  // its path and arguments; empty: none
  Duration every{60'000};
  Duration timeout{10'000};
};

struct Config {
  std::string server;          // "https://fleet.example:8443"
  std::string device;          // default: the host's name
  std::string hardware_class;  // "cpu-fp32"
  std::filesystem::path root = "/var/lib/argosy";
  std::filesystem::path run_dir = "/run/argosy";
  std::string observe_group;  // whose programs may send observations; empty: this process's own
  std::map<std::string, std::string> labels;
  wire::Capabilities capabilities;

  std::optional<std::filesystem::path> claim_file;  // or ARGOSY_CLAIM in the environment
  std::optional<std::filesystem::path> ca_file;
  std::string ca_sha256;

  bool mqtt = true;
  Duration window{60'000};
  Duration health{60'000};
  Duration state{30'000};
  Duration poll{60'000};
  Duration feature_interval{0};
  std::uint64_t outbox_max_bytes = 16ULL << 20;
  Duration outbox_max_age = std::chrono::hours(24 * 14);
  double catch_up_records_per_s = 40;
  double catch_up_bytes_per_s = 64 << 10;

  std::filesystem::path runner;                                      // default: argosy-runner beside this program
  std::optional<std::filesystem::path> local_dataset;                // of every model
  std::map<std::string, std::filesystem::path> local_datasets;       // by model, in place of it
  std::map<std::string, std::filesystem::path> validation_commands;  // by the models' format
  std::map<std::string, std::filesystem::path> validation_metrics;   // NAME of a metric exec-NAME: its program
  bool validation_open_box = false;                                  // validate where the system permits no box, too
  std::vector<std::string> signing_keys;                             // files of the publishers' public keys
  bool signing_required = false;                                     // default: whether there are keys
  ServingConfig serving;
  DownloadsConfig downloads;
  TimeWindows activation_windows;
  ProxySettings network;
  ReadingsConfig readings;
  bool nvml = true;  // ask NVIDIA's cards, where there is a driver
  std::string log_level = "info";
  std::string name_fault;  // not from the file: why it goes by another name than the file's; empty: it does not
};

// Errors name the key, its value and what is allowed. `program` is this program's own path.
Result<Config> load_config(const std::filesystem::path& file, const std::filesystem::path& program);
Result<Config> parse_config(std::string_view toml, const std::filesystem::path& program);

}  // namespace argosy::agent
