// TensorFlow Lite models by Arm NN in the real box, held against ONNX Runtime on the same weights and samples.
#include <cstdio>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace argosy {
namespace {

using nlohmann::json;

const std::string examples = ARGOSY_EXAMPLES;
const std::string samples = " --dataset " + examples + "/digits/data/validation.npz ";

json run(const std::string& arguments) {
  FILE* pipe = ::popen((std::string(ARGOSY_RUNNER) + " " + arguments + " 2>/dev/null").c_str(), "r");
  std::string output;
  char buffer[4096];
  while (const std::size_t size = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, size);
  ::pclose(pipe);
  return json::parse(output);
}
json run_with_armnn(const std::string& model, const std::string& more) {
  return run("--exec " + examples + "/armnn/tflite-runner --format tflite --model " + model + more);
}

class ArmNn : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("/usr/bin/python3 -c 'import pyarmnn' >/dev/null 2>&1") != 0)
      GTEST_SKIP() << "python3-pyarmnn is not installed: scripts/setup --peers";
  }
};

TEST_F(ArmNn, AnswersAsOnnxRuntimeDoes) {
  const json armnn = run_with_armnn(examples + "/armnn/digits-1.1.tflite", samples);
  const json onnx = run("--model " + examples + "/digits/models/digits-1.1-fp32.onnx" + samples);
  ASSERT_TRUE(armnn["ok"]) << armnn;
  for (const char* key : {"value", "samples", "correct", "worst", "unusable"}) EXPECT_EQ(armnn[key], onnx[key]) << key;
  EXPECT_GT(armnn["latency_ms"]["p50"], 0);
  EXPECT_NE(armnn["network"], "open");
}

TEST_F(ArmNn, SaysWhatIsNoModel) {
  const json report = run_with_armnn(examples + "/digits/models/digits-1.1-fp32.onnx", samples);
  EXPECT_FALSE(report["ok"]);
  EXPECT_EQ(report["error"]["type"], "malformed-model") << report;
}

}  // namespace
}  // namespace argosy
