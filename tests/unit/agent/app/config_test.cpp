#include "agent/app/config.hpp"

#include <gtest/gtest.h>

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
[serving]
adapter = "directory"
reload_pid_file = "/pid"
reload_command = "true"
reload_timeout_s = 9
[signing]
keys = ["/etc/argosy/publisher.pub"]
required = false
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
  EXPECT_EQ(config->signing_keys, std::vector<std::string>{"/etc/argosy/publisher.pub"});
  EXPECT_FALSE(config->signing_required);
  EXPECT_FALSE(config->mqtt);
}

TEST(Config, WhoPinsKeysWantsSignatures) {
  EXPECT_FALSE(parse(least)->signing_required);
  EXPECT_TRUE(parse(least + "[signing]\nkeys = [\"/a.pub\"]")->signing_required);
  EXPECT_NE(complaint_about(least + "[signing]\nrequired = true").find("signing.keys"), std::string::npos);
}

TEST(Config, ErrorNamesKeyAndRemedy) {
  EXPECT_EQ(complaint_about(least + "colour = \"red\""), "colour is no key that the agent knows");
  EXPECT_EQ(complaint_about(least + "[intervals]\nwindow = 2"), "intervals.window is no key that the agent knows");
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
            "validation.commands.a b is no name of a form of models: it must match [A-Za-z0-9_-]{1,64}");
}

TEST(Config, ServingErrorsNameTheRemedy) {
  const auto complaint = [](const std::string& keys) { return complaint_about(least + "[serving]\n" + keys); };
  EXPECT_EQ(complaint("adapter = \"torchserve\""),
            "serving.adapter is 'torchserve'; this agent knows directory, exec, triton, ovms and tfserving");
  EXPECT_EQ(complaint("url = \"http://x\""), "serving.url is no key of the adapter 'directory'");
  EXPECT_EQ(complaint("adapter = \"exec\""), "serving.command is missing: the adapter 'exec' needs one to run");
  EXPECT_EQ(complaint("adapter = \"triton\"\nrepository = \"/m\""),
            "serving.url is missing: the adapter 'triton' needs one such as \"http://127.0.0.1:8000\"");
  const std::string triton = "adapter = \"triton\"\nurl = \"http://x\"\n";
  EXPECT_NE(complaint(triton).find("serving.repository is ''; it must be the absolute path"), std::string::npos);
  EXPECT_NE(complaint(triton + "repository = \"models\"").find("'models'"), std::string::npos);
  const std::string shelf = triton + "repository = \"/m\"\n";
  EXPECT_EQ(complaint(shelf), "");
  EXPECT_EQ(complaint(shelf + "reload_command = \"x\""), "serving.reload_command is no key of the adapter 'triton'");
  EXPECT_NE(complaint(shelf + "metrics_url = \"https://x/metrics\"").find("serving.metrics_url is wrong: 'https://x"),
            std::string::npos);
  EXPECT_NE(complaint(shelf + "file = \"../model\"").find("serving.file is '../model'"), std::string::npos);
  EXPECT_NE(complaint(shelf + "timeout_s = 0").find("serving.timeout_s is 0"), std::string::npos);
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
