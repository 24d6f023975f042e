// Real programs: shell scripts in a folder of the test's own.
#include "agent/app/asked_program.hpp"

#include <fstream>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include "agent/telemetry/readings.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

using test::TempFolder;

class Asked : public ::testing::Test {
 protected:
  std::string script(const std::string& text) {
    const std::string path = (folder_ / "script").string();
    std::ofstream(path) << "#!/bin/sh\n" << text << "\n";
    ::chmod(path.c_str(), 0755);
    return path;
  }
  // The answer of a run; the loop ends with it.
  Result<std::string> ask(std::vector<std::string> arguments, Duration limit = Duration{30'000}) {
    boost::asio::io_context io;
    std::optional<Result<std::string>> answer;
    AskedProgram program(io, {std::move(arguments), limit, most_readings_bytes},
                         [&](Result<std::string> said) { answer = std::move(said); });
    program.ask();
    io.run();
    EXPECT_TRUE(answer) << "it never answered";
    return answer ? std::move(*answer) : Result<std::string>(make_error(Errc::corrupt, "no answer"));
  }
  std::string fault(std::vector<std::string> arguments, Duration limit = Duration{30'000}) {
    const auto said = ask(std::move(arguments), limit);
    return said ? "" : said.error().message;
  }
  // Of a process that is somebody else's child: whoever adopted it may never ask how it ended, and it stays as a
  // zombie.
  static void wait_for_end(pid_t process) {
    const auto runs = [path = "/proc/" + std::to_string(process) + "/stat"] {
      std::ifstream stat(path);
      const std::string text{std::istreambuf_iterator<char>(stat), {}};
      const auto state = text.find(") ");
      return state != std::string::npos && text[state + 2] != 'Z' && text[state + 2] != 'X';
    };
    while (runs()) ::usleep(1'000);
  }
  std::string file(const std::string& name) {
    std::ifstream in(folder_ / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  TempFolder folder_;
};

TEST_F(Asked, GivesWhatTheProgramPrinted) {
  EXPECT_EQ(ask({script("echo \"{\\\"$1\\\": $2}\""), "pump_bar", "2.5"}).value(), "{\"pump_bar\": 2.5}\n");
}

TEST_F(Asked, ArgumentsReachNoShell) {
  EXPECT_EQ(ask({script("printf %s \"$1\""), "$(id) `id` ; id"}).value(), "$(id) `id` ; id");
}

TEST_F(Asked, RunsAtTheLowestPriority) {
  // The program may look before its priority is lowered.
  EXPECT_EQ(ask({script("while [ $(cut -d' ' -f19 /proc/$$/stat) != 19 ]; do :; done; echo low")}).value(), "low\n");
}

TEST_F(Asked, AnExitCodeIsAFault) {
  EXPECT_NE(fault({script("echo '{}'; exit 1")}).find("ended with exit code 1"), std::string::npos);
  EXPECT_NE(fault({script("kill -9 $$")}).find("ended with signal 9"), std::string::npos);
  EXPECT_NE(fault({(folder_ / "nothing").string()}).find("cannot start"), std::string::npos);
}

TEST_F(Asked, AHangIsKilledWithItsChildren) {
  const auto program = script("sleep 600 & echo $! > " + (folder_ / "child").string() + "; wait");
  EXPECT_NE(fault({program}, Duration{1'000}).find("took longer than 1 s and was killed"), std::string::npos);
  const pid_t child = std::stoi(file("child"));
  wait_for_end(child);
}

TEST_F(Asked, AFloodIsKilled) {
  EXPECT_NE(fault({script("yes")}).find("printed more than 4096 bytes and was killed"), std::string::npos);
}

TEST_F(Asked, WhatItLeavesBehindIsKilled) {
  const auto program = script("sleep 600 >/dev/null & echo $!");
  const pid_t child = std::stoi(ask({program}).value());
  wait_for_end(child);
}

TEST_F(Asked, ThereIsOneRunAtATime) {
  boost::asio::io_context io;
  std::vector<std::string> answers;
  AskedProgram program(io, {{script("echo done")}},
                       [&](Result<std::string> said) { answers.push_back(said ? *said : said.error().message); });
  program.ask();
  program.ask();
  io.run();
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_NE(answers[0].find("has not ended yet"), std::string::npos);
  EXPECT_EQ(answers[1], "done\n");
  io.restart();
  program.ask();
  io.run();
  EXPECT_EQ(answers.back(), "done\n");
  EXPECT_EQ(answers.size(), 3u);
}

}  // namespace
}  // namespace argosy::agent
