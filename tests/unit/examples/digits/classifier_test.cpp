// The program itself beside an agent's socket and an agent's folder of slots: what the agent sees of it.
#include <chrono>
#include <fstream>
#include <functional>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "common/base/file.hpp"
#include "tests/unit/agent/sdk/agent_socket.hpp"

extern char** environ;

namespace digits {
namespace {

namespace fs = std::filesystem;
using argosy::agent::test::AgentSocket;
using argosy::agent::test::fresh_socket_path;
using Clock = std::chrono::steady_clock;
using nlohmann::json;
using namespace std::chrono_literals;

const fs::path example = ARGOSY_DIGITS;

class ClassifierTest : public testing::Test {
 protected:
  ClassifierTest() {
    fs::create_directories(folder_ / "digits/a");
    fs::create_directories(folder_ / "digits/b");
  }
  ~ClassifierTest() override {
    if (pid_ > 0) end();
    fs::remove_all(folder_);
  }

  void fill(const std::string& slot, const std::string& version, const fs::path& model) {
    fs::copy_file(model, folder_ / "digits" / slot / "model.onnx", fs::copy_options::overwrite_existing);
    std::ofstream(folder_ / "digits" / slot / "release.json") << json{{"version", version}};
  }
  void fill(const std::string& slot, const std::string& version) {
    fill(slot, version, example / "models" / ("digits-" + version + "-fp32.onnx"));
  }
  void link(const std::string& slot) { ASSERT_TRUE(argosy::replace_symlink(folder_ / "digits/current", slot)); }
  void set_faults(const json& faults) { ASSERT_TRUE(argosy::write_file_atomically(control(), faults.dump())); }
  std::string control() const { return folder_ / "control.json"; }

  void start() {
    std::vector<std::string> arguments{ARGOSY_CLASSIFIER,
                                       "--model",
                                       folder_ / "digits/current",
                                       "--data",
                                       example / "data/field.npz",
                                       "--socket",
                                       socket_path_,
                                       "--rate",
                                       "200",
                                       "--control",
                                       control(),
                                       "--pid-file",
                                       folder_ / "pid"};
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, (folder_ / "errors").c_str(), O_WRONLY | O_CREAT, 0644);
    ASSERT_EQ(::posix_spawn(&pid_, ARGOSY_CLASSIFIER, &actions, nullptr, pointers.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
  }
  void reload() { ::kill(pid_, SIGHUP); }
  // Ends the program as a service manager does; its exit code.
  int end() {
    ::kill(pid_, SIGTERM);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  // The first observation that `is_it` accepts, within half a minute.
  std::optional<json> await(const std::function<bool(const json&)>& is_it) {
    for (const auto deadline = Clock::now() + 30s; Clock::now() < deadline;) {
      const auto observation = agent_.receive();
      if (observation && is_it(*observation)) return observation;
      if (!observation) std::this_thread::sleep_for(1ms);
    }
    return std::nullopt;
  }
  std::optional<json> await_release(const std::string& version, bool ok = true) {
    return await([&](const json& o) { return o.value("r", "") == version && o["ok"] == ok; });
  }
  bool await_text(const std::string& text) {
    for (const auto deadline = Clock::now() + 30s; Clock::now() < deadline; std::this_thread::sleep_for(1ms)) {
      const auto errors = argosy::read_file(folder_ / "errors");
      if (errors && errors->find(text) != std::string::npos) return true;
    }
    return false;
  }

  std::string socket_path_ = fresh_socket_path();
  AgentSocket agent_{socket_path_};
  fs::path folder_ = socket_path_ + "-digits";
  pid_t pid_ = -1;
};

TEST_F(ClassifierTest, TellsTheAgentAboutEachInference) {
  fill("a", "1.0");
  link("a");
  start();
  const auto observation = await([](const json& o) { return o.contains("l"); });
  ASSERT_TRUE(observation);
  EXPECT_EQ((*observation)["m"], "digits");
  EXPECT_EQ((*observation)["r"], "1.0");
  EXPECT_EQ((*observation)["ok"], true);
  EXPECT_LT((*observation)["p"], 10);
  EXPECT_GT((*observation)["c"], 0.1);
  EXPECT_EQ((*observation)["f"].size(), 3U);
  EXPECT_EQ(*argosy::read_file(folder_ / "pid"), std::to_string(pid_) + "\n");
  EXPECT_TRUE(await([](const json& o) { return !o.contains("l"); })) << "half of the labels stay unknown";
}

TEST_F(ClassifierTest, LoadsTheModelBehindTheLinkAgainOnSighup) {
  fill("a", "1.0");
  fill("b", "1.1");
  link("a");
  start();
  ASSERT_TRUE(await_release("1.0"));
  link("b");
  reload();
  EXPECT_TRUE(await_release("1.1"));
}

TEST_F(ClassifierTest, GoesOnWithTheOldModelAndReportsErrorsWhenTheNewOneCannotBeLoaded) {
  fill("a", "1.0");
  fill("b", "1.1", "/etc/hostname");
  link("a");
  start();
  ASSERT_TRUE(await_release("1.0"));
  link("b");
  reload();
  EXPECT_TRUE(await_release("1.1", false));
  EXPECT_TRUE(await_release("1.0"));
  link("a");
  reload();
  EXPECT_TRUE(await_text("serving digits 1.0\ncannot load"));
  EXPECT_TRUE(await_release("1.0"));
}

TEST_F(ClassifierTest, WaitsForItsFirstModel) {
  start();
  ASSERT_TRUE(await_text("waiting for a model"));
  fill("a", "1.0");
  link("a");
  EXPECT_TRUE(await_release("1.0"));
}

TEST_F(ClassifierTest, IsSlowAndBlursWhenTheControlFileSaysSo) {
  fill("a", "1.1");
  link("a");
  start();
  ASSERT_TRUE(await([](const json& o) { return o["us"] < 5000 && o["f"][2] > 0.2; }));
  set_faults({{"slow_ms", 20}, {"blur", true}});
  EXPECT_TRUE(await([](const json& o) { return o["us"] > 20000 && o["f"][2] < 0.15; }));
  set_faults(json::object());
  EXPECT_TRUE(await([](const json& o) { return o["us"] < 5000 && o["f"][2] > 0.2; }));
}

TEST_F(ClassifierTest, EndsCleanlyOnSigterm) {
  fill("a", "1.0");
  link("a");
  start();
  ASSERT_TRUE(await_release("1.0"));
  EXPECT_EQ(end(), 0);
  EXPECT_FALSE(fs::exists(folder_ / "pid"));
}

}  // namespace
}  // namespace digits
