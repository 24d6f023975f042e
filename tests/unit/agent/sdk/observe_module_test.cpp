// argosy_observe.py, run by a Python without any packages.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "agent/sdk/argosy_observe.h"
#include "tests/unit/agent/sdk/agent_socket.hpp"

namespace argosy::agent {
namespace {

using nlohmann::json;
using test::AgentSocket;
using test::fresh_socket_path;

// What the program printed; "failed" in front when it did not exit with 0.
std::string python(const std::string& program) {
  const std::string command = "PYTHONDONTWRITEBYTECODE=1 " ARGOSY_PYTHON
                              " -I -c 'import sys; sys.path.insert(0, \"" ARGOSY_SDK
                              "\")\nfrom argosy_observe import *\n" +
                              program + "' 2>&1";
  FILE* pipe = ::popen(command.c_str(), "r");
  std::string output;
  char buffer[4096];
  while (const std::size_t size = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, size);
  return ::pclose(pipe) == 0 ? output : "failed: " + output;
}

const std::string everything =
    "\"digits\", 70000, release=\"1.1\", predicted=7, confidence=0.75, label=300, features=[0.25, 0.5, -1.5], "
    "numbers={\"queue_depth\": 0.1, \"tokens\": -3e9}, entropy=0.5, tags={\"camera\": \"left\"}, "
    "runtime=\"onnxruntime 1.22.0\", id=(1 << 62) + 5";

TEST(ObserveModule, WritesTheBytesThatTheHeaderWrites) {
  const float features[] = {0.25F, 0.5F, -1.5F};
  argosy_observation observation = argosy_observation_of("digits", 70000);
  observation.release = "1.1";
  observation.predicted = 7;
  observation.confidence = 0.75;
  observation.label = 300;
  observation.features = features;
  observation.feature_count = 3;
  const argosy_number numbers[] = {{"queue_depth", 0.1}, {"tokens", -3e9}};
  observation.numbers = numbers;
  observation.number_count = 2;
  observation.entropy = 0.5;
  const argosy_tag tag{"camera", "left"};
  observation.tags = &tag;
  observation.tag_count = 1;
  observation.runtime = "onnxruntime 1.22.0";
  observation.id = (std::uint64_t{1} << 62) + 5;
  std::uint8_t bytes[ARGOSY_OBSERVATION_MAX_BYTES];
  const std::size_t size = argosy_observation_encode(&observation, bytes, sizeof bytes);
  std::string hex;
  for (std::size_t i = 0; i < size; ++i) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", bytes[i]);
    hex += digits;
  }
  EXPECT_EQ(python("print(encode(" + everything + ").hex())"), hex + "\n");
}

// An odd value costs its own place in a window, never the program.
TEST(ObserveModule, ValuesThatDoNotFitRaiseNothing) {
  EXPECT_EQ(python("seen = encode(\"digits\", 1, features=[1e39, -1e39], tags={\"file\": \"a\\udcff\"})\n"
                   "print(seen == encode(\"digits\", 1, features=[float(\"inf\"), float(\"-inf\")], "
                   "tags={\"file\": \"a?\"}))"),
            "True\n");
}

TEST(ObserveModule, KnowsTheEntropyOfAPrediction) {
  EXPECT_EQ(python("print(entropy_of([0, 1, 0]), round(entropy_of([0.25] * 4), 9), entropy_of([]))"),
            "0.0 1.386294361 0.0\n");
}

TEST(ObserveModule, WritesTheBytesThatTheHeaderWritesOfAShadowRun) {
  const argosy_shadow_answer answer{"digits", "1.0", "1.1", 1, 0, 1, 0};
  std::uint8_t bytes[ARGOSY_OBSERVATION_MAX_BYTES];
  const std::size_t size = argosy_shadow_encode(&answer, bytes, sizeof bytes);
  std::string hex;
  for (std::size_t i = 0; i < size; ++i) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", bytes[i]);
    hex += digits;
  }
  EXPECT_EQ(python("print(encode_shadow(\"digits\", \"1.1\", False, old_right=True, new_right=False, "
                   "release=\"1.0\").hex())"),
            hex + "\n");
}

TEST(ObserveModule, FindsTheCandidateThatTheAgentNames) {
  const std::string folder = ::testing::TempDir() + "candidate_of_module";
  std::filesystem::create_directories(folder);
  EXPECT_EQ(python("print(candidate(\"" + folder + "/none\"))"), "None\n");
  std::ofstream(folder + "/candidate") << "1.1 b/model.onnx\n";
  EXPECT_EQ(python("print(*candidate(\"" + folder + "\"))"), "1.1 " + folder + "/b/model.onnx\n");
}

TEST(ObserveModule, ReachesTheAgent) {
  const std::string path = fresh_socket_path();
  AgentSocket agent(path);
  EXPECT_EQ(python("with Observer(\"" + path + "\") as o: print(o.observe(" + everything +
                   "), o.observe(\"m\", 1, ok=False))"),
            "True True\n");
  EXPECT_EQ(agent.receive(), json({{"m", "digits"},
                                   {"r", "1.1"},
                                   {"us", 70000},
                                   {"ok", true},
                                   {"p", 7},
                                   {"c", 0.75},
                                   {"l", 300},
                                   {"f", {0.25, 0.5, -1.5}},
                                   {"n", {{"queue_depth", 0.1}, {"tokens", -3e9}}},
                                   {"h", 0.5},
                                   {"t", {{"camera", "left"}}},
                                   {"rt", "onnxruntime 1.22.0"},
                                   {"id", (std::uint64_t{1} << 62) + 5}}));
  EXPECT_EQ(agent.receive(), json({{"m", "m"}, {"us", 1}, {"ok", false}}));
}

TEST(ObserveModule, TellsALabelByTheIdOfItsObservation) {
  const std::string path = fresh_socket_path();
  AgentSocket agent(path);
  EXPECT_EQ(python("with Observer(\"" + path + "\") as o: print(o.label(1 << 40, 8), o.label(7, -300))"),
            "True True\n");
  EXPECT_EQ(agent.receive(), json({{"of", std::uint64_t{1} << 40}, {"l", 8}}));
  EXPECT_EQ(agent.receive(), json({{"of", 7}, {"l", -300}}));
  EXPECT_EQ(python("print(0 < observation_id() < 1 << 63, observation_id() != observation_id())"), "True True\n");
}

TEST(ObserveModule, DropsWithoutAnAgentAndWhenItIsBehind) {
  EXPECT_EQ(python("print(Observer(\"" + fresh_socket_path() + "\").observe(\"m\", 1))"), "False\n");
  const std::string path = fresh_socket_path();
  AgentSocket agent(path);
  EXPECT_EQ(python("o = Observer(\"" + path + "\")\nwhile o.observe(\"m\", 1): pass\nprint(\"full\")"), "full\n");
  while (agent.receive()) {
  }
  EXPECT_EQ(python("print(Observer(\"" + path + "\").observe(\"m\", 1))"), "True\n");
}

TEST(ObserveModule, RefusesWhatIsTooLong) {
  EXPECT_EQ(python("try: encode(\"m\", 1, features=[0.5] * 300)\nexcept ValueError as e: print(e)"),
            "an observation of 1518 bytes: at most 1024; send fewer features or numbers\n");
}

}  // namespace
}  // namespace argosy::agent
