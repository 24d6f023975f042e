#include "agent/app/config.hpp"

#include <gtest/gtest.h>

#include "agent/app/way_out.hpp"
#include "common/base/file.hpp"
#include "common/crypto/certificates.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

using namespace std::chrono_literals;

const std::string least = "server = \"https://fleet.example\"\ndevice = \"cam-7\"\nhardware_class = \"cpu-fp32\"\n";

Result<Config> parse(const std::string& text) {
  return parse_config(text, "/usr/bin/argosy-agent");
}

std::string complaint_about(const std::string& text) {
  const auto config = parse(text);
  return config ? "" : config.error().message;
}

TEST(Config, ThreeKeysAreEnough) {
  const auto config = parse(least);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->device, "cam-7");
  EXPECT_EQ(config->root, "/var/lib/argosy");
  EXPECT_EQ(config->runner, "/usr/bin/argosy-runner");
  EXPECT_EQ(config->window, 60s);
  EXPECT_FALSE(config->capabilities.architecture.empty());
  EXPECT_GT(config->capabilities.memory_mb, 0u);
  EXPECT_TRUE(config->mqtt);
}

TEST(Config, EveryKeyIsTaken) {
  const auto config = parse(least + R"(
root = "/r"
run_dir = "/run/x"
[labels]
site = "berlin"
[enrolment]
claim_file = "/claim"
ca_file = "/ca.pem"
ca_sha256 = "0123456789012345678901234567890123456789012345678901234567890123"
[mqtt]
enabled = false
[capabilities]
architecture = "aarch64"
accelerators = ["cpu", "cuda"]
runtimes = ["tflite"]
precisions = ["int8"]
memory_mb = 512
[intervals]
window_s = 2.5
health_s = 10
state_s = 5
poll_s = 7
feature_s = 60
[outbox]
max_mb = 3
max_days = 2
catch_up_records_per_s = 15
catch_up_kb_per_s = 8
[validation]
runner = "/opt/runner"
local_dataset = "/data.npz"
[validation.local_datasets]
digits = "/digits"
[validation.commands]
tflite = "/usr/lib/argosy/tflite-runner"
[validation.metrics]
panoptic = "/usr/lib/argosy/panoptic-quality"
[serving]
adapter = "directory"
reload_pid_file = "/pid"
reload_command = "true"
reload_timeout_s = 9
[signing]
keys = ["/etc/argosy/publisher.pub"]
required = false
[downloads]
max_mb_per_day = 50
max_kb_per_s = 200
metered = true
metered_file = "/run/metered"
on_metered = "patches"
windows = ["Mon-Fri 01:00-04:00", "22:00-02:00"]
redirect_hosts = ["cdn.example", "*.cache.example"]
redirect_ca_file = "/cache.pem"
[activation]
windows = ["03:00-04:00"]
[network]
proxy = "http://cam:secret@proxy:3128"
no_proxy = ["fleet.example"]
[log]
level = "debug"
)");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->labels, (std::map<std::string, std::string>{{"site", "berlin"}}));
  EXPECT_EQ(config->capabilities, (wire::Capabilities{"aarch64", {"cpu", "cuda"}, {"tflite"}, {"int8"}, 512}));
  EXPECT_EQ(config->window, 2500ms);
  EXPECT_EQ(config->feature_interval, 60s);
  EXPECT_EQ(config->outbox_max_bytes, 3u << 20);
  EXPECT_EQ(config->outbox_max_age, 48h);
  EXPECT_EQ(config->catch_up_records_per_s, 15);
  EXPECT_EQ(config->catch_up_bytes_per_s, 8192);
  EXPECT_EQ(config->serving.reload_timeout_s, 9);
  EXPECT_EQ(*config->local_dataset, "/data.npz");
  EXPECT_EQ(config->local_datasets.at("digits"), "/digits");
  EXPECT_EQ(config->validation_commands.at("tflite"), "/usr/lib/argosy/tflite-runner");
  EXPECT_EQ(config->validation_metrics.at("panoptic"), "/usr/lib/argosy/panoptic-quality");
  EXPECT_EQ(config->signing_keys, std::vector<std::string>{"/etc/argosy/publisher.pub"});
  EXPECT_FALSE(config->signing_required);
  EXPECT_FALSE(config->mqtt);
  const DownloadRules& rules = config->downloads.rules;
  EXPECT_EQ(rules.bytes_per_day, 50u << 20);
  EXPECT_EQ(rules.bytes_per_s, 200u << 10);
  EXPECT_TRUE(rules.metered);
  EXPECT_EQ(rules.metered_file, "/run/metered");
  EXPECT_EQ(rules.on_metered, OnMetered::patches);
  EXPECT_EQ(rules.windows.text(), "Mon-Fri 01:00-04:00, 22:00-02:00");
  EXPECT_EQ(config->downloads.redirect_hosts, (std::vector<std::string>{"cdn.example", "*.cache.example"}));
  EXPECT_EQ(config->downloads.redirect_ca_file, "/cache.pem");
  EXPECT_EQ(config->activation_windows.text(), "03:00-04:00");
  EXPECT_EQ(config->network.proxy, "http://cam:secret@proxy:3128");
  EXPECT_EQ(config->network.exceptions, std::vector<std::string>{"fleet.example"});
}

TEST(Config, DownloadsAreFreeUnlessSomebodySaysOtherwise) {
  const auto config = parse(least + "[downloads]\nwindows = []\n[activation]\nwindows = []\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->downloads.rules.bytes_per_day, 0u);
  EXPECT_EQ(config->downloads.rules.bytes_per_s, 0u);
  EXPECT_FALSE(config->downloads.rules.metered);
  EXPECT_EQ(config->downloads.rules.on_metered, OnMetered::wait);
  EXPECT_TRUE(config->downloads.rules.windows.always());
  EXPECT_TRUE(config->activation_windows.always());
  EXPECT_FALSE(config->network.proxy);
  EXPECT_FALSE(config->network.exceptions);
  EXPECT_EQ(parse(least + "[network]\nproxy = \"\"\n")->network.proxy, "");  // none, whatever the environment says
}

TEST(Config, DownloadErrorsNameTheRemedy) {
  const auto complaint = [](const std::string& keys) { return complaint_about(least + "[downloads]\n" + keys); };
  const auto says = [&](const std::string& keys, const std::string& words) {
    const std::string said = complaint(keys);
    EXPECT_NE(said.find(words), std::string::npos) << keys << " -> " << said;
  };
  says("max_mb_per_day = -1", "downloads.max_mb_per_day is -1; it must be a whole number from 0 to 1000000");
  says("max_mb_per_day = \"50\"", "downloads.max_mb_per_day must be a whole number");
  says("max_kb_per_s = 7", "downloads.max_kb_per_s is 7; it must be at least 8, or 0 for no limit");
  says("metered = \"yes\"", "downloads.metered must be true or false");
  says("metered_file = true", "downloads.metered_file must be a path");
  says("on_metered = \"never\"", "downloads.on_metered is 'never'; it must be wait, patches or all");
  says("windows = \"01:00-02:00\"", "downloads.windows must be a list of texts");
  says("windows = [\"1-2\"]", "downloads.windows has '1-2'; a window looks like \"01:00-04:00\"");
  says("redirect_hosts = [\"https://cdn.example\"]",
       "downloads.redirect_hosts has 'https://cdn.example'; a host looks");
  for (const std::string host : {"", "*", "*.", "cdn.example:443", ".example", "a/b", "*.*.example"})
    says("redirect_hosts = [\"" + host + "\"]", "downloads.redirect_hosts has '" + host + "'");
  says("redirect_ca_file = \"/ca.pem\"", "downloads.redirect_ca_file is given without redirect_hosts");
  says("max_mb = 5", "downloads.max_mb is not a key that the agent knows");
  EXPECT_NE(complaint_about(least + "[activation]\nwindows = [\"x\"]").find("activation.windows has 'x'"),
            std::string::npos);
  EXPECT_EQ(complaint_about(least + "[activation]\nwindow = []"),
            "activation.window is not a key that the agent knows");
}

TEST(Config, ProxyErrorsKeepThePassword) {
  for (const std::string proxy : {"https://cam:secret@proxy:1", "http://cam:secret@proxy:x", "http://cam:secret@"}) {
    const std::string said = complaint_about(least + "[network]\nproxy = \"" + proxy + "\"");
    EXPECT_TRUE(said.starts_with("network.proxy is not a proxy that the agent can use: ")) << said;
    EXPECT_EQ(said.find("secret"), std::string::npos);
  }
  EXPECT_EQ(complaint_about(least + "[network]\nproxies = []"), "network.proxies is not a key that the agent knows");
  EXPECT_NE(complaint_about(least + "[network]\nno_proxy = \"a\"").find("network.no_proxy must be a list of texts"),
            std::string::npos);
}

TEST(Config, WayOutIsFoundOrItsFaultIsNamed) {
  const test::TempFolder folder;
  const auto with_ca_file = [&](const std::string& text) {
    EXPECT_TRUE(write_file_atomically(folder / "ca.pem", text));
    return find_way_out(*parse(least + "[downloads]\nredirect_hosts = [\"a\"]\nredirect_ca_file = \"" +
                               (folder / "ca.pem").string() +
                               "\"\n[network]\nproxy = \"proxy:1\"\nno_proxy = [\"b\"]"));
  };
  const Validity validity{wall_clock_now() - 1h, wall_clock_now() + 1h};
  const std::string authority = make_authority("Cache", validity).value().certificate_pem;
  const auto way_out = with_ca_file(authority);
  ASSERT_TRUE(way_out) << way_out.error().message;
  EXPECT_EQ(way_out->redirects.hosts, std::vector<std::string>{"a"});
  EXPECT_EQ(way_out->redirects.ca_pem, authority);
  EXPECT_EQ(way_out->proxies.for_host("a")->address(), "proxy:1");
  EXPECT_FALSE(way_out->proxies.for_host("b"));
  EXPECT_TRUE(with_ca_file("no certificate").error().message.starts_with("downloads.redirect_ca_file: "));
  std::filesystem::remove(folder / "ca.pem");
  EXPECT_FALSE(find_way_out(*parse(least + "[downloads]\nredirect_hosts = [\"a\"]\nredirect_ca_file = \"/none\"")));
}

TEST(Config, WhoPinsKeysWantsSignatures) {
  EXPECT_FALSE(parse(least)->signing_required);
  EXPECT_TRUE(parse(least + "[signing]\nkeys = [\"/a.pub\"]")->signing_required);
  EXPECT_NE(complaint_about(least + "[signing]\nrequired = true").find("signing.keys"), std::string::npos);
}

TEST(Config, ErrorNamesKeyAndRemedy) {
  EXPECT_EQ(complaint_about(least + "colour = \"red\""), "colour is not a key that the agent knows");
  EXPECT_EQ(complaint_about(least + "[intervals]\nwindow = 2"), "intervals.window is not a key that the agent knows");
  EXPECT_NE(complaint_about(least + "[intervals]\nwindow_s = 0").find("intervals.window_s must be"), std::string::npos);
  EXPECT_NE(complaint_about(least + "[intervals]\nwindow_s = \"2\"").find("intervals.window_s must be"),
            std::string::npos);
  EXPECT_NE(complaint_about(least + "[outbox]\nmax_mb = 0").find("outbox.max_mb is 0"), std::string::npos);
  EXPECT_NE(complaint_about(least + "[outbox]\ncatch_up_kb_per_s = 0").find("outbox.catch_up_kb_per_s is 0"),
            std::string::npos);
  EXPECT_NE(complaint_about(least + "labels = 3").find("labels must be a section"), std::string::npos);
  EXPECT_NE(complaint_about(least + "[labels]\n\"a b\" = \"c\"").find("labels.a b"), std::string::npos);
  EXPECT_NE(complaint_about(least + "[log]\nlevel = \"loud\"").find("loud"), std::string::npos);
  EXPECT_NE(complaint_about("device = \"x\"\nhardware_class = \"y\"").find("server is missing"), std::string::npos);
  EXPECT_NE(complaint_about("server = \"https://x\"\ndevice = \"a b\"\nhardware_class = \"y\"").find("a b"),
            std::string::npos);
  EXPECT_NE(complaint_about("server = \"http://x\"\ndevice = \"x\"\nhardware_class = \"y\"").find("http://x"),
            std::string::npos);
  EXPECT_NE(complaint_about(least + "[log\n").find("line 4"), std::string::npos);
}

TEST(Config, ModelServersHaveTheirKeys) {
  for (const std::string adapter : {"triton", "ovms", "tfserving"}) {
    const auto config = parse(least + "[serving]\nadapter = \"" + adapter + R"("
url = "http://127.0.0.1:8000/"
repository = "/srv/models"
file = "model.plan"
metrics_url = "http://[::1]:8002/metrics"
timeout_s = 90
)");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->serving.adapter, adapter);
    EXPECT_EQ(config->serving.url, "http://127.0.0.1:8000");
    EXPECT_EQ(config->serving.repository, "/srv/models");
    EXPECT_EQ(config->serving.metrics_url, "http://[::1]:8002/metrics");
    EXPECT_EQ(config->serving.timeout_s, 90);
  }
  const auto exec = parse(least + "[serving]\nadapter = \"exec\"\ncommand = \"/x\"\ncheck_command = \"/y\"\n");
  ASSERT_TRUE(exec) << exec.error().message;
  EXPECT_EQ(exec->serving.command, "/x");
  EXPECT_EQ(exec->serving.check_command, "/y");
}

TEST(Config, ValidationErrorsNameTheRemedy) {
  const auto complaint = [](const std::string& lines) {
    const auto config = parse(least + lines);
    return config ? "" : config.error().message;
  };
  EXPECT_EQ(complaint("[validation.commands]\ntflite = \"run\"\n"),
            "validation.commands.tflite is 'run'; it must be an absolute path");
  EXPECT_EQ(complaint("[validation.local_datasets]\ndigits = 1\n"),
            "validation.local_datasets.digits must be text in quotes");
  EXPECT_EQ(complaint("[validation.commands]\n\"a b\" = \"/x\"\n"),
            "validation.commands.a b is not the name of a model format: it must match [A-Za-z0-9_-]{1,64}");
}

TEST(Config, ServingErrorsNameTheRemedy) {
  const auto complaint = [](const std::string& keys) { return complaint_about(least + "[serving]\n" + keys); };
  EXPECT_EQ(complaint("adapter = \"torchserve\""),
            "serving.adapter is 'torchserve'; this agent knows directory, exec, triton, ovms and tfserving");
  EXPECT_EQ(complaint("url = \"http://x\""), "serving.url is not a key of the adapter 'directory'");
  EXPECT_EQ(complaint("adapter = \"exec\""), "serving.command is missing: the adapter 'exec' needs one to run");
  EXPECT_EQ(complaint("adapter = \"triton\"\nrepository = \"/m\""),
            "serving.url is missing: the adapter 'triton' needs one such as \"http://127.0.0.1:8000\"");
  const std::string triton = "adapter = \"triton\"\nurl = \"http://x\"\n";
  EXPECT_NE(complaint(triton).find("serving.repository is ''; it must be the absolute path"), std::string::npos);
  EXPECT_NE(complaint(triton + "repository = \"models\"").find("'models'"), std::string::npos);
  const std::string shelf = triton + "repository = \"/m\"\n";
  EXPECT_EQ(complaint(shelf), "");
  EXPECT_EQ(complaint(shelf + "reload_command = \"x\""), "serving.reload_command is not a key of the adapter 'triton'");
  EXPECT_NE(complaint(shelf + "metrics_url = \"https://x/metrics\"").find("serving.metrics_url is wrong: 'https://x"),
            std::string::npos);
  EXPECT_NE(complaint(shelf + "file = \"../model\"").find("serving.file is '../model'"), std::string::npos);
  EXPECT_NE(complaint(shelf + "timeout_s = 0").find("serving.timeout_s is 0"), std::string::npos);
}

TEST(Config, ReadingsComeFromAProgramWithoutAShell) {
  const auto config =
      parse_config(least + "[readings]\ncommand = [\"/usr/bin/pump\", \"--json\"]\nevery_s = 30\n", "/x");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->readings.command, (std::vector<std::string>{"/usr/bin/pump", "--json"}));
  EXPECT_EQ(config->readings.every, Duration{30'000});
  EXPECT_EQ(config->readings.timeout, Duration{10'000});
  EXPECT_TRUE(config->nvml);
  EXPECT_FALSE(parse_config(least + "[sensors]\nnvml = false\n", "/x")->nvml);
  const auto complaint = [](const std::string& keys) { return complaint_about(least + "[readings]\n" + keys); };
  const std::string path =
      "readings.command must begin with the absolute path of a program: "
      "there is no shell that would look for it";
  EXPECT_EQ(complaint("command = [\"pump\"]"), path);
  EXPECT_EQ(complaint("command = []"), path);
  EXPECT_EQ(complaint("every_s = 30"), "readings.command is missing: nothing else would be run");
  EXPECT_EQ(complaint("command = [\"/pump\"]\nevery_s = 10"),
            "readings.timeout_s must be less than every_s: the command runs once at a time");
  EXPECT_NE(complaint("command = \"/pump\"").find("must be a list of texts"), std::string::npos);
}

TEST(Config, ExamplesAreInOrder) {
  int examples = 0;
  for (const auto& file : std::filesystem::directory_iterator(ARGOSY_EXAMPLES)) {
    if (file.path().extension() != ".toml") continue;
    const auto config = load_config(file.path(), "/usr/bin/argosy-agent");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->serving.adapter, file.path().stem());
    ++examples;
  }
  EXPECT_EQ(examples, 4);
}

}  // namespace
}  // namespace argosy::agent
