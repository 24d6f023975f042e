// The contract with programs of other engines, by a real program in a real box: argosy-runner --exec.
#include <cstdlib>
#include <string>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/runner/options.hpp"
#include "tests/unit/agent/runner/npz_writer.hpp"

namespace argosy::agent {
namespace {

using nlohmann::json;
using test::npy;
using test::npz;
using test::TemporaryFile;

json run(const std::string& model, const std::string& more, const std::string& program = ARGOSY_PROBE) {
  const TemporaryFile words(model);
  const std::string command = std::string(ARGOSY_RUNNER) + " --exec " + program + " --format words --model " +
                              words.path().string() + " " + more + " 2>/dev/null";
  FILE* pipe = ::popen(command.c_str(), "r");
  std::string output;
  char buffer[4096];
  while (const std::size_t size = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, size);
  ::pclose(pipe);
  return json::parse(output);
}
std::string message(const json& report) {
  return report["ok"].get<bool>() ? "ok" : report["error"]["message"].get<std::string>();
}
// Of the scores 0 9 1 2 and 3 2 100 1, both labels are right.
json run_on_labels(const std::string& model, const std::string& more = "") {
  const TemporaryFile data(test::four_values());
  return run(model, "--dataset " + data.path().string() + " " + more);
}

TEST(Program, AnswersAreMeasuredLikeThoseOfOnnxRuntime) {
  const json report = run_on_labels("echo");
  EXPECT_TRUE(report["ok"]) << report;
  EXPECT_EQ(report["value"], 1.0);
  EXPECT_EQ(report["samples"], 2);
  EXPECT_EQ(report["correct"], 2);
  EXPECT_EQ(report["load_ms"], 7.5);
  EXPECT_EQ(report["latency_ms"]["p95"], 0.5);
  EXPECT_GT(report["peak_memory_mb"], 0.5);
  EXPECT_EQ(report["worst"], json({0, 1}));
}

TEST(Program, AnswersAreHeldAgainstGoldenOutputs) {
  const TemporaryFile data(npz(
      {{"x.npy", npy<float>("<f4", "(2, 2)", {1, 2, 3, 4})}, {"y.npy", npy<float>("<f4", "(2, 2)", {1, 2, 3, 8})}}));
  EXPECT_EQ(run("echo", "--metric mae --dataset " + data.path().string())["value"], 1.0);
  EXPECT_EQ(run("echo", "--metric max_abs_difference --dataset " + data.path().string())["value"], 4.0);
}

TEST(Program, MeasuresBothDataSetsAndLoadsWithoutAny) {
  const TemporaryFile release(test::four_values()), local(npy<float>("<f4", "(1, 2)", {1, 2}));
  const json both =
      run("echo", "--metric none --dataset " + release.path().string() + " --local-dataset " + local.path().string());
  EXPECT_EQ(both["samples"], 2) << both;
  EXPECT_EQ(both["local"]["samples"], 1);
  const json loaded = run("echo", "");
  EXPECT_TRUE(loaded["ok"]) << loaded;
  EXPECT_EQ(loaded["load_ms"], 7.5);
}

TEST(Program, IsToldItsJobAndNothingElse) {
  const TemporaryFile data(test::four_values());
  const json job = json::parse(message(run("job", "--threads 2 --warmup 3 --dataset " + data.path().string()))
                                   .substr(std::string("argosy-probe: ").size()));
  EXPECT_EQ(job["contract"], 1);
  EXPECT_EQ(job["format"], "words");
  EXPECT_EQ(job["threads"], 2);
  EXPECT_EQ(job["warmup"], 3);
  EXPECT_EQ(job["inputs"]["file"], data.path().string());
  EXPECT_EQ(job["inputs"]["type"], "float32");
  EXPECT_EQ(job["inputs"]["shape"], json({2, 4}));
  EXPECT_EQ(job.size(), 6U);
  ::setenv("ARGOSY_SECRET", "x", 1);
  EXPECT_EQ(message(run("environment", "")), "argosy-probe: clean");
  ::unsetenv("ARGOSY_SECRET");
}

// Of two inputs, one of them in Fortran order, so that it is unpacked.
std::string two_inputs(const std::string& settings) {
  const std::string fortran = "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }\n";
  const std::vector<float> columns{1, 3, 2, 4};
  return npz({{"ids.npy", npy<float>("<f4", "(2, 1)", {10, 20})},
              {"mask.npy", test::npy_with_header(fortran, {reinterpret_cast<const char*>(columns.data()), 16})},
              {"y.npy", npy<float>("<f4", "(2, 1)", {13, 27})},
              {"argosy.json", settings}});
}

TEST(Program, SeveralInputsAreHandedByTheirNames) {
  const TemporaryFile data(two_inputs(R"({"inputs": {"input_ids": "ids", "attention_mask": "mask"}})"));
  const std::string dataset = "--metric mae --dataset " + data.path().string();
  EXPECT_EQ(run("echo", dataset)["value"], 0.0) << run("echo", dataset);
  const json job = json::parse(message(run("job", dataset)).substr(std::string("argosy-probe: ").size()));
  EXPECT_TRUE(job["inputs"].is_null());
  EXPECT_EQ(job["named_inputs"].size(), 2U);
  EXPECT_EQ(job["named_inputs"]["attention_mask"]["shape"], json({2, 2}));
  const TemporaryFile unsaid(two_inputs("{}"));
  EXPECT_NE(
      message(run("echo", "--metric mae --dataset " + unsaid.path().string())).find("\"inputs\" in the data set's"),
      std::string::npos);
}

TEST(Program, ItsOwnWordsForAFaultAreKept) {
  const json report = run_on_labels("broken");
  EXPECT_EQ(report["error"]["type"], "malformed-model");
  EXPECT_EQ(message(report), "argosy-probe: not a model of words");
}

TEST(Program, EveryOtherWayToEndIsAFault) {
  EXPECT_EQ(message(run_on_labels("crash")), "argosy-probe: was ended by signal 6 (Aborted)");
  EXPECT_EQ(message(run_on_labels("exit 3")), "argosy-probe: ended with exit code 3");
  EXPECT_EQ(message(run_on_labels("mute")), "argosy-probe: ended after 0 of 2 samples, without \"load_ms\"");
  EXPECT_EQ(message(run_on_labels("stop")), "argosy-probe: ended after 1 of 2 samples");
  EXPECT_EQ(message(run_on_labels("talk")), "argosy-probe: answered more often than there are samples");
  EXPECT_EQ(message(run_on_labels("nonsense")), "argosy-probe: printed a line that is not a JSON object");
  EXPECT_EQ(message(run_on_labels("endless")), "argosy-probe: printed a line of more than 16 MiB");
}

TEST(Program, ThatIsMissingIsUnavailable) {
  const json report = run("echo", "", "/nowhere/runner");
  EXPECT_EQ(report["error"]["type"], "unavailable");
  EXPECT_EQ(message(report), "/nowhere/runner cannot be run: No such file or directory");
  EXPECT_EQ(run("echo", "", "/etc/hostname")["error"]["type"], "unavailable");
}

TEST(Program, AnswersThatAreNoNumbersAreCounted) {
  const json report = run_on_labels("nan");
  EXPECT_EQ(report["value"], 0.0);
  EXPECT_EQ(report["unusable"], 2);
}

TEST(Program, IsEndedWhenItUsesUpItsCpuTime) {
  const json report = run_on_labels("spin", "--cpu-seconds 1");
  EXPECT_EQ(report["error"]["type"], "timeout") << report;
}

#ifndef ARGOSY_SANITIZE
TEST(Program, GetsNoMoreMemoryThanAllowed) {
  EXPECT_EQ(message(run_on_labels("eat", "--max-memory-mb 64")), "argosy-probe: was ended by signal 6 (Aborted)");
}
#endif

TEST(Program, CannotConnectToAListenerOnItsOwnMachine) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 4), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string port = std::to_string(ntohs(address.sin_port));
  const json report = run("connect " + port, "");
  EXPECT_NE(report["network"], "open");
  EXPECT_NE(report["box"], "open");
  EXPECT_EQ(message(report), "argosy-probe: Permission denied");
  // Outside the box the same program reaches it.
  const TemporaryFile words("connect " + port);
  const std::string job = R"({\"model\": \")" + words.path().string() + R"(\", \"inputs\": null})";
  EXPECT_EQ(WEXITSTATUS(std::system(("echo \"" + job + "\" | " + ARGOSY_PROBE + " | grep -q '\"connected\"'").c_str())),
            0);
  ::close(listener);
}

// Values that would be recognised anywhere in the text.
TEST(Program, TheReportHoldsNumbersAndNothingOfTheSamples) {
  const std::vector<float> secrets{12345.5F, 23456.5F, 34567.5F, 45678.5F};
  const TemporaryFile labelled(
      npz({{"x.npy", npy<float>("<f4", "(2, 2)", secrets)}, {"y.npy", npy<std::int64_t>("<i8", "(2,)", {1, 77777})}}));
  const TemporaryFile golden(npz(
      {{"x.npy", npy<float>("<f4", "(2, 2)", secrets)}, {"y.npy", npy<float>("<f4", "(2, 2)", {55555.5F, 2, 3, 4})}}));
  const TemporaryFile bare(npy<float>("<f4", "(2, 2)", secrets));
  for (const char* word : {"echo", "nan", "stop", "talk", "crash"})
    for (const auto& [metric, file] :
         {std::pair{"accuracy", &labelled}, {"mse", &golden}, {"cosine", &golden}, {"none", &bare}, {"f1", &golden}})
      for (const char* flag : {"--dataset ", "--local-dataset "}) {
        const std::string text =
            run(word, std::string("--metric ") + metric + " " + flag + file->path().string()).dump();
        for (const char* part : {"12345", "23456", "34567", "45678", "77777", "55555"})
          EXPECT_EQ(text.find(part), std::string::npos) << text;
      }
}

}  // namespace
}  // namespace argosy::agent
