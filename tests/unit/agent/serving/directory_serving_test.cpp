#include "agent/serving/directory_serving.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/file.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

using test::TempFolder;
namespace fs = std::filesystem;

class Serving : public ::testing::Test {
 protected:
  TempFolder folder;

  void SetUp() override {
    for (const char* slot : {"a", "b"}) fs::create_directories(folder / "digits" / slot);
  }
  Placement placement(const std::string& slot) const { return {"digits", folder / "digits", slot, "1." + slot}; }
  std::string current() const { return fs::read_symlink(folder / "digits/current").string(); }
  std::optional<SwitchFailure> run(const std::string& command, int timeout_s = 10) {
    DirectoryServing::Options options;
    options.reload_command = command;
    options.command_timeout_s = timeout_s;
    return DirectoryServing(options).switch_to(placement("b"));
  }
};

TEST_F(Serving, LinkLeadsToTheSlotAndBack) {
  DirectoryServing serving({});
  EXPECT_FALSE(serving.switch_to(placement("a")));
  EXPECT_EQ(current(), "a");
  EXPECT_FALSE(serving.switch_to(placement("b")));
  EXPECT_FALSE(serving.switch_to(placement("b")));
  EXPECT_EQ(current(), "b");
}

TEST_F(Serving, ProgramOfThePidFileGetsTheSignal) {
  const pid_t program = ::fork();
  if (program == 0) {
    for (;;) ::pause();
  }
  ASSERT_TRUE(write_file_atomically(folder / "pid", std::to_string(program) + "\n"));
  DirectoryServing::Options options;
  options.reload_pid_file = folder / "pid";
  DirectoryServing serving(options);
  EXPECT_FALSE(serving.program_is_down());
  EXPECT_FALSE(serving.switch_to(placement("b")));
  int status = 0;
  ASSERT_EQ(::waitpid(program, &status, 0), program);
  EXPECT_EQ(WTERMSIG(status), SIGHUP);
  EXPECT_TRUE(serving.program_is_down());
  EXPECT_FALSE(serving.switch_to(placement("a")));  // it reads the link when it starts again
}

TEST_F(Serving, WithoutAPidFileNobodyIsKnownToBeDown) {
  DirectoryServing::Options options;
  options.reload_pid_file = folder / "missing";
  EXPECT_FALSE(DirectoryServing(options).program_is_down());
  ASSERT_TRUE(write_file_atomically(folder / "missing", "nonsense"));
  EXPECT_FALSE(DirectoryServing(options).program_is_down());
  EXPECT_FALSE(DirectoryServing(options).switch_to(placement("b")));
}

TEST_F(Serving, CommandKnowsModelVersionAndPath) {
  EXPECT_FALSE(run("echo $ARGOSY_MODEL $ARGOSY_VERSION $ARGOSY_PATH > " + (folder / "seen").string()));
  EXPECT_EQ(*read_file(folder / "seen"), "digits 1.b " + (folder / "digits/current").string() + "\n");
}

TEST_F(Serving, CommandThatFailsSaysHowAndThatTheLinkWasSwapped) {
  const auto failure = run("exit 3");
  ASSERT_TRUE(failure);
  EXPECT_TRUE(failure->switched);
  EXPECT_NE(failure->error.message.find("exit code 3"), std::string::npos);
  EXPECT_EQ(current(), "b");
}

TEST_F(Serving, CommandThatHangsIsKilled) {
  const auto failure = run("sleep 60", 1);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error.code, Errc::timeout);
}

TEST_F(Serving, LinkThatCannotBeMadeLeavesEverythingAsItWas) {
  DirectoryServing serving({});
  const auto failure = serving.switch_to({"x", folder / "missing/model", "a", "1"});
  ASSERT_TRUE(failure);
  EXPECT_FALSE(failure->switched);
}

}  // namespace
}  // namespace argosy::agent
