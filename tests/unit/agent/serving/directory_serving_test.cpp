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

class Directory : public ::testing::Test {
 protected:
  TempFolder folder;

  void SetUp() override {
    for (const char* slot : {"a", "b"}) fs::create_directories(folder / "digits" / slot);
  }
  Placement placement(const std::string& slot) const {
    return {"digits", folder / "digits", slot, "1." + slot, "onnx", ""};
  }
  bool is_down(const fs::path& pid_file) {
    DirectoryServing::Options options;
    options.reload_pid_file = pid_file;
    return DirectoryServing(options).look({placement("b")}).down.contains("digits");
  }
  std::string current() const { return fs::read_symlink(folder / "digits/current").string(); }
  std::optional<SwitchFailure> run(const std::string& command, int timeout_s = 10) {
    DirectoryServing::Options options;
    options.reload_command = command;
    options.command_timeout_s = timeout_s;
    return DirectoryServing(options).switch_to(placement("b"));
  }
};

TEST_F(Directory, LinkLeadsToTheSlotAndBack) {
  DirectoryServing serving({});
  EXPECT_FALSE(serving.switch_to(placement("a")));
  EXPECT_EQ(current(), "a");
  EXPECT_FALSE(serving.switch_to(placement("b")));
  EXPECT_FALSE(serving.switch_to(placement("b")));
  EXPECT_EQ(current(), "b");
}

TEST_F(Directory, ProgramOfThePidFileGetsTheSignal) {
  const pid_t program = ::fork();
  if (program == 0) {
    for (;;) ::pause();
  }
  ASSERT_TRUE(write_file_atomically(folder / "pid", std::to_string(program) + "\n"));
  DirectoryServing::Options options;
  options.reload_pid_file = folder / "pid";
  DirectoryServing serving(options);
  EXPECT_FALSE(is_down(folder / "pid"));
  EXPECT_FALSE(serving.switch_to(placement("b")));
  int status = 0;
  ASSERT_EQ(::waitpid(program, &status, 0), program);
  EXPECT_EQ(WTERMSIG(status), SIGHUP);
  EXPECT_TRUE(is_down(folder / "pid"));
  EXPECT_FALSE(serving.switch_to(placement("a")));  // it reads the link when it starts again
}

TEST_F(Directory, WithoutAPidFileNobodyIsKnownToBeDown) {
  DirectoryServing::Options options;
  options.reload_pid_file = folder / "missing";
  EXPECT_FALSE(is_down(folder / "missing"));
  ASSERT_TRUE(write_file_atomically(folder / "missing", "nonsense"));
  EXPECT_FALSE(is_down(folder / "missing"));
  EXPECT_FALSE(DirectoryServing(options).switch_to(placement("b")));
}

TEST_F(Directory, CommandKnowsModelVersionAndPath) {
  EXPECT_FALSE(run("echo $ARGOSY_MODEL $ARGOSY_VERSION $ARGOSY_PATH > " + (folder / "seen").string()));
  EXPECT_EQ(*read_file(folder / "seen"), "digits 1.b " + (folder / "digits/current").string() + "\n");
}

TEST_F(Directory, CommandThatFailsSaysHowAndThatTheLinkWasSwapped) {
  const auto failure = run("exit 3");
  ASSERT_TRUE(failure);
  EXPECT_TRUE(failure->switched);
  EXPECT_NE(failure->error.message.find("exit code 3"), std::string::npos);
  EXPECT_EQ(current(), "b");
}

TEST_F(Directory, CommandsLastWordsAreRepeatedInMeasure) {
  const auto failure = run("head -c 100000 /dev/zero | tr '\\0' x >&2; echo 'no room on the GPU' >&2; exit 1");
  ASSERT_TRUE(failure);
  EXPECT_TRUE(failure->error.message.ends_with("no room on the GPU")) << failure->error.message;
  EXPECT_LT(failure->error.message.size(), 800u);
}

TEST_F(Directory, CommandThatHangsIsKilled) {
  const auto failure = run("sleep 60", 1);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error.code, Errc::timeout);
}

TEST_F(Directory, LinkThatCannotBeMadeLeavesEverythingAsItWas) {
  DirectoryServing serving({});
  const auto failure = serving.switch_to({"x", folder / "missing/model", "a", "1", "onnx", ""});
  ASSERT_TRUE(failure);
  EXPECT_FALSE(failure->switched);
}

}  // namespace
}  // namespace argosy::agent
