#include "agent/app/config.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>
#include <vector>

#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <toml++/toml.h>
#include <unistd.h>

#include "agent/serving/server_dialect.hpp"
#include "common/base/file.hpp"
#include "common/base/id.hpp"
#include "common/base/text.hpp"
#include "net/url.hpp"

namespace argosy::agent {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_redirect_hosts = 32;
constexpr std::uint64_t least_kb_per_s = 8;  // the server wants 64 KiB taken within a minute

// One table of the file. Remembers which keys were asked for, so that the rest can be called unknown.
class Section {
 public:
  Section(const toml::table* table, std::string path, std::optional<Error>& fault)
      : table_(table), path_(std::move(path)), fault_(fault) {}

  void text(const char* key, std::string& out) {
    if (const auto* node = find(key)) take<std::string>(*node, key, "text in quotes", [&](auto&& v) { out = v; });
  }
  void path(const char* key, fs::path& out) {
    if (const auto* node = find(key)) take<std::string>(*node, key, "a path in quotes", [&](auto&& v) { out = v; });
  }
  void path(const char* key, std::optional<fs::path>& out) {
    if (const auto* node = find(key)) take<std::string>(*node, key, "a path in quotes", [&](auto&& v) { out = v; });
  }
  void flag(const char* key, bool& out) {
    if (const auto* node = find(key)) take<bool>(*node, key, "true or false", [&](auto&& v) { out = v; });
  }
  template <class T>
  void integer(const char* key, std::int64_t lowest, std::int64_t highest, T& out) {
    const std::string range = "a whole number from " + std::to_string(lowest) + " to " + std::to_string(highest);
    if (const auto* node = find(key))
      take<std::int64_t>(*node, key, range, [&](std::int64_t value) {
        if (value < lowest || value > highest)
          return fail(key, "is " + std::to_string(value) + "; it must be " + range);
        out = static_cast<T>(value);
      });
  }
  void seconds(const char* key, double lowest, double highest, Duration& out) {
    const std::string range = "a number of seconds from " + std::to_string(lowest) + " to " + std::to_string(highest);
    if (const auto* node = find(key))
      take<double>(*node, key, range, [&](double value) {
        if (!(value >= lowest && value <= highest)) return fail(key, "must be " + range);
        out = Duration{std::llround(value * 1000)};
      });
  }
  void texts(const char* key, std::vector<std::string>& out) {
    const auto* node = find(key);
    if (node == nullptr) return;
    const auto* list = node->as_array();
    if (list == nullptr) return fail(key, "must be a list of texts");
    out.clear();
    for (const auto& item : *list)
      take<std::string>(item, key, "a list of texts", [&](auto&& value) { out.push_back(value); });
  }
  // What the server's reader of the state document takes.
  void words(const char* key, std::vector<std::string>& out) {
    texts(key, out);
    const auto is_word = [](const std::string& word) { return word.size() <= wire::most_word_bytes && is_text(word); };
    if (out.size() > wire::most_capabilities || !std::all_of(out.begin(), out.end(), is_word))
      fail(key, "must be at most " + std::to_string(wire::most_capabilities) + " words of at most " +
                    std::to_string(wire::most_word_bytes) + " bytes");
  }
  void windows(const char* key, TimeWindows& out) {
    std::vector<std::string> given;
    texts(key, given);
    auto parsed = TimeWindows::parse(given);
    if (!parsed) return fail(key, parsed.error().message);
    out = std::move(*parsed);
  }
  // Texts under names that the file's author chose; `what` says what the names are of.
  void named_texts(const std::string& what, std::map<std::string, std::string>& out) {
    if (table_ == nullptr) return;
    for (const auto& [key, node] : *table_) {
      const std::string name(key.str());
      if (!is_name(name))
        return fail(name.c_str(), "is not the name of a " + what + ": it must match [A-Za-z0-9_-]{1,64}");
      take<std::string>(node, name.c_str(), "text in quotes", [&](auto&& value) { out[name] = value; });
      known_.insert(name);
    }
  }
  Section section(const char* key) {
    const auto* node = find(key);
    const auto* inner = node == nullptr ? nullptr : node->as_table();
    if (node != nullptr && inner == nullptr) fail(key, "must be a section");
    return {inner, at(key), fault_};
  }
  bool has(const char* key) const { return table_ != nullptr && table_->contains(key); }
  void finish(const std::string& rule = "is not a key that the agent knows") {
    if (table_ == nullptr || fault_) return;
    for (const auto& [key, node] : *table_)
      if (!known_.contains(std::string(key.str()))) return fail(std::string(key.str()).c_str(), rule);
  }
  void fail(const char* key, const std::string& rule) {
    if (!fault_) fault_ = make_error(Errc::invalid_argument, at(key) + " " + rule);
  }

 private:
  const toml::node* find(const char* key) {
    known_.insert(key);
    return table_ == nullptr || fault_ ? nullptr : table_->get(key);
  }
  template <class T, class Node, class Take>
  void take(const Node& node, const char* key, const std::string& rule, Take put) {
    if (const auto value = node.template value<T>())
      put(*value);
    else
      fail(key, "must be " + rule);
  }
  std::string at(const char* key) const { return path_.empty() ? key : path_ + "." + key; }

  const toml::table* table_;
  std::string path_;
  std::optional<Error>& fault_;
  std::set<std::string> known_;
};

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

// Beside this program where they are installed, in a folder of its own where they are built.
fs::path runner_of(const fs::path& program) {
  const fs::path beside = program.parent_path() / "argosy-runner";
  const fs::path as_built = program.parent_path() / "runner" / "argosy-runner";
  std::error_code failed;
  return fs::exists(as_built, failed) && !fs::exists(beside, failed) ? as_built : beside;
}

wire::Capabilities detected_capabilities() {
  wire::Capabilities capabilities;
  struct utsname system {};
  if (::uname(&system) == 0) capabilities.architecture = system.machine;
  struct sysinfo memory {};
  if (::sysinfo(&memory) == 0) capabilities.memory_mb = memory.totalram * memory.mem_unit >> 20;
  capabilities.accelerators = {"cpu"};
  capabilities.runtimes = {"onnxruntime"};
  capabilities.precisions = {"fp32", "int8"};
  return capabilities;
}

void read_connection(Section& root, Config& config) {
  root.text("server", config.server);
  root.text("device", config.device);
  root.text("hardware_class", config.hardware_class);
  root.path("root", config.root);
  root.path("run_dir", config.run_dir);
  Section labels = root.section("labels");
  labels.named_texts("label", config.labels);
  Section enrolment = root.section("enrolment");
  enrolment.path("claim_file", config.claim_file);
  enrolment.path("ca_file", config.ca_file);
  enrolment.text("ca_sha256", config.ca_sha256);
  enrolment.finish();
  Section mqtt = root.section("mqtt");
  mqtt.flag("enabled", config.mqtt);
  mqtt.finish();
}

void read_capabilities(Section section, wire::Capabilities& capabilities) {
  section.text("architecture", capabilities.architecture);
  section.words("accelerators", capabilities.accelerators);
  section.words("runtimes", capabilities.runtimes);
  section.words("precisions", capabilities.precisions);
  section.integer("memory_mb", 1, std::int64_t{wire::most_memory_mb}, capabilities.memory_mb);
  section.finish();
}

void read_intervals(Section section, Config& config) {
  section.seconds("window_s", 0.5, 3600, config.window);
  section.seconds("health_s", 1, 3600, config.health);
  section.seconds("state_s", 1, 3600, config.state);
  section.seconds("poll_s", 1, 86400, config.poll);
  section.seconds("feature_s", 0, 86400, config.feature_interval);
  section.finish();
}

void read_outbox(Section section, Config& config) {
  std::uint64_t megabytes = config.outbox_max_bytes >> 20;
  std::int64_t days = 14;
  section.integer("max_mb", 1, 4096, megabytes);
  section.integer("max_days", 1, 365, days);
  std::uint32_t records_per_s = 40;
  std::uint32_t kilobytes_per_s = 64;
  section.integer("catch_up_records_per_s", 1, 100'000, records_per_s);
  section.integer("catch_up_kb_per_s", 1, 1'000'000, kilobytes_per_s);
  section.finish();
  config.catch_up_records_per_s = records_per_s;
  config.catch_up_bytes_per_s = kilobytes_per_s * 1024.0;
  config.outbox_max_bytes = megabytes << 20;
  config.outbox_max_age = std::chrono::hours(24 * days);
}

void read_directory(Section& section, ServingConfig& serving) {
  section.path("reload_pid_file", serving.reload_pid_file);
  section.text("reload_command", serving.reload_command);
  section.integer("reload_timeout_s", 1, 600, serving.reload_timeout_s);
}

void read_exec(Section& section, ServingConfig& serving) {
  section.text("command", serving.command);
  section.text("check_command", serving.check_command);
  section.integer("timeout_s", 1, 600, serving.timeout_s);
  if (serving.command.empty()) section.fail("command", "is missing: the adapter 'exec' needs one to run");
}

void read_model_server(Section& section, ServingConfig& serving) {
  section.text("url", serving.url);
  section.path("repository", serving.repository);
  section.text("file", serving.file);
  section.text("metrics_url", serving.metrics_url);
  section.integer("timeout_s", 1, 600, serving.timeout_s);
  while (serving.url.ends_with('/')) serving.url.pop_back();
  if (serving.url.empty())
    section.fail("url",
                 "is missing: the adapter '" + serving.adapter + "' needs one such as \"http://127.0.0.1:8000\"");
  for (const auto& [key, url] : {std::pair("url", &serving.url), std::pair("metrics_url", &serving.metrics_url)})
    if (const auto parsed = net::parse_http_url(*url); !url->empty() && !parsed)
      section.fail(key, "is wrong: " + parsed.error().message);
  if (!serving.repository.is_absolute())
    section.fail("repository",
                 "is '" + serving.repository.string() +
                     "'; it must be the absolute path of the folder that the server reads its models from");
  if (serving.file.find('/') != std::string::npos || serving.file == "." || serving.file == "..")
    section.fail("file", "is '" + serving.file + "'; it must be a file's name such as \"model.plan\"");
}

void read_serving(Section section, ServingConfig& serving) {
  section.text("adapter", serving.adapter);
  if (serving.adapter == "directory")
    read_directory(section, serving);
  else if (serving.adapter == "exec")
    read_exec(section, serving);
  else if (parse_server_kind(serving.adapter))
    read_model_server(section, serving);
  else
    return section.fail("adapter",
                        "is '" + serving.adapter + "'; this agent knows directory, exec, triton, ovms and tfserving");
  section.finish("is not a key of the adapter '" + serving.adapter + "'");
}

// Absolute paths by names that the file's author chose.
void read_paths(Section section, const std::string& names, std::map<std::string, fs::path>& out) {
  std::map<std::string, std::string> texts;
  section.named_texts(names, texts);
  for (const auto& [name, path] : texts) {
    if (!fs::path(path).is_absolute()) section.fail(name.c_str(), "is '" + path + "'; it must be an absolute path");
    out[name] = path;
  }
}

void read_validation(Section section, Config& config) {
  section.path("runner", config.runner);
  section.path("local_dataset", config.local_dataset);
  read_paths(section.section("local_datasets"), "model", config.local_datasets);
  read_paths(section.section("commands"), "model format", config.validation_commands);
  read_paths(section.section("metrics"), "metric", config.validation_metrics);
  section.flag("open_box", config.validation_open_box);
  section.finish();
}

void read_signing(Section section, Config& config) {
  section.texts("keys", config.signing_keys);
  config.signing_required = !config.signing_keys.empty();
  section.flag("required", config.signing_required);
  section.finish();
  if (config.signing_required && config.signing_keys.empty())
    section.fail("required", "is true without keys: name files of public keys in signing.keys");
}

std::optional<OnMetered> parse_on_metered(const std::string& text) {
  if (text == "wait") return OnMetered::wait;
  if (text == "patches") return OnMetered::patches;
  if (text == "all") return OnMetered::all;
  return std::nullopt;
}

// "cdn.example" or "*.cdn.example".
bool is_host_pattern(const std::string& text) {
  const std::string host = text.starts_with("*.") ? text.substr(2) : text;
  const auto is_of_a_name = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_'; };
  return !host.empty() && host.size() <= 253 && host.front() != '.' &&
         std::all_of(host.begin(), host.end(), is_of_a_name);
}

void read_redirects(Section& section, DownloadsConfig& downloads) {
  section.texts("redirect_hosts", downloads.redirect_hosts);
  section.path("redirect_ca_file", downloads.redirect_ca_file);
  if (downloads.redirect_hosts.size() > max_redirect_hosts)
    section.fail("redirect_hosts", "has " + std::to_string(downloads.redirect_hosts.size()) + " hosts; the limit is " +
                                       std::to_string(max_redirect_hosts));
  for (const std::string& host : downloads.redirect_hosts)
    if (!is_host_pattern(host))
      section.fail("redirect_hosts",
                   "has '" + host + "'; a host looks like \"cdn.example\", or \"*.cdn.example\" for all below it");
  if (downloads.redirect_ca_file && downloads.redirect_hosts.empty())
    section.fail("redirect_ca_file", "is given without redirect_hosts: nobody would ask it");
}

void read_downloads(Section section, DownloadsConfig& downloads) {
  DownloadRules& rules = downloads.rules;
  std::uint64_t mb_per_day = 0;
  std::uint64_t kb_per_s = 0;
  std::string on_metered = "wait";
  section.integer("max_mb_per_day", 0, 1'000'000, mb_per_day);
  section.integer("max_kb_per_s", 0, 10'000'000, kb_per_s);
  section.flag("metered", rules.metered);
  section.path("metered_file", rules.metered_file);
  section.text("on_metered", on_metered);
  section.windows("windows", rules.windows);
  read_redirects(section, downloads);
  section.finish();
  if (kb_per_s > 0 && kb_per_s < least_kb_per_s)
    section.fail("max_kb_per_s", "is " + std::to_string(kb_per_s) + "; it must be at least " +
                                     std::to_string(least_kb_per_s) + ", or 0 for no limit: the server gives up on " +
                                     "a device that takes less");
  const auto parsed = parse_on_metered(on_metered);
  if (!parsed) return section.fail("on_metered", "is '" + on_metered + "'; it must be wait, patches or all");
  rules.bytes_per_day = mb_per_day << 20;
  rules.bytes_per_s = kb_per_s << 10;
  rules.on_metered = *parsed;
}

void read_network(Section section, ProxySettings& network) {
  std::string proxy;
  std::vector<std::string> exceptions;
  section.text("proxy", proxy);
  section.texts("no_proxy", exceptions);
  section.finish();
  if (section.has("proxy")) network.proxy = proxy;
  if (section.has("no_proxy")) network.exceptions = exceptions;
  const auto parsed = proxy.empty() ? Result<Proxy>(Proxy()) : parse_proxy(proxy);
  if (!parsed) section.fail("proxy", parsed.error().message);
}

void read_readings(Section section, ReadingsConfig& readings) {
  section.texts("command", readings.command);
  section.seconds("every_s", 5, 3600, readings.every);
  section.seconds("timeout_s", 1, 60, readings.timeout);
  section.finish();
  if (section.has("command") && (readings.command.empty() || !fs::path(readings.command.front()).is_absolute()))
    section.fail("command", "must begin with the absolute path of a program: there is no shell that would look for it");
  if (!section.has("command") && (section.has("every_s") || section.has("timeout_s")))
    section.fail("command", "is missing: nothing else would be run");
  if (readings.timeout >= readings.every)
    section.fail("timeout_s", "must be less than every_s: the command runs once at a time");
}

Result<void> check(const Config& config) {
  const auto wrong = [](std::string message) { return make_error(Errc::invalid_argument, std::move(message)); };
  if (config.server.empty()) return wrong("server is missing: give an address such as \"https://fleet.example:8443\"");
  if (const auto endpoint = net::parse_endpoint(config.server); !endpoint)
    return wrong("server: " + endpoint.error().message);
  if (!is_name(config.device)) return wrong("device is '" + config.device + "'; it must match [A-Za-z0-9_-]{1,64}");
  if (!is_name(config.hardware_class))
    return wrong("hardware_class is '" + config.hardware_class + "'; it must match [A-Za-z0-9_-]{1,64}");
  static const std::set<std::string> levels = {"debug", "info", "warning", "error"};
  if (!levels.contains(config.log_level))
    return wrong("log.level is '" + config.log_level + "'; it must be debug, info, warning or error");
  if (!config.ca_sha256.empty() && config.ca_sha256.size() != 64)
    return wrong("enrolment.ca_sha256 must have 64 hex digits");
  return {};
}

}  // namespace

Result<Config> parse_config(std::string_view text, const fs::path& program) {
  Config config;
  config.device = host_name();
  config.runner = runner_of(program);
  config.capabilities = detected_capabilities();
  try {
    const toml::table table = toml::parse(text);
    std::optional<Error> fault;
    Section root(&table, "", fault);
    read_connection(root, config);
    read_capabilities(root.section("capabilities"), config.capabilities);
    read_intervals(root.section("intervals"), config);
    read_outbox(root.section("outbox"), config);
    read_serving(root.section("serving"), config.serving);
    read_signing(root.section("signing"), config);
    read_downloads(root.section("downloads"), config.downloads);
    Section activation = root.section("activation");
    activation.windows("windows", config.activation_windows);
    activation.finish();
    read_network(root.section("network"), config.network);
    read_validation(root.section("validation"), config);
    Section observe = root.section("observe");
    observe.text("group", config.observe_group);
    observe.finish();
    read_readings(root.section("readings"), config.readings);
    Section sensors = root.section("sensors");
    sensors.flag("nvml", config.nvml);
    sensors.finish();
    Section log = root.section("log");
    log.text("level", config.log_level);
    log.finish();
    root.finish();
    if (fault) return std::move(*fault);
  } catch (const toml::parse_error& error) {
    return make_error(Errc::invalid_argument,
                      "line " + std::to_string(error.source().begin.line) + ": " + std::string(error.description()));
  }
  ARGOSY_CHECK(check(config));
  return config;
}

Result<Config> load_config(const fs::path& file, const fs::path& program) {
  ARGOSY_TRY(const std::string text, read_file(file, 1 << 20));
  auto config = parse_config(text, program);
  if (!config) return std::move(config).error().within(file.string());
  return config;
}

}  // namespace argosy::agent
