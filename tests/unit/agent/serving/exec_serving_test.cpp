#include "agent/serving/exec_serving.hpp"

#include <gtest/gtest.h>

#include "common/base/file.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

using test::TempFolder;
namespace fs = std::filesystem;

class Exec : public ::testing::Test {
 protected:
  TempFolder folder;

  Placement placement(const std::string& slot) const {
    return {"digits", folder / "digits", slot, "1." + slot, "onnx", ""};
  }
  ExecServing serving(const std::string& command, const std::string& check = "", int timeout_s = 10) {
    for (const char* slot : {"a", "b"}) fs::create_directories(folder / "digits" / slot);
    return ExecServing({command, check, timeout_s});
  }
  std::string current() const {
    std::error_code none;
    return fs::read_symlink(folder / "digits/current", none).string();
  }
};

TEST_F(Exec, CommandKnowsWhatToDoAndTheLinkFollows) {
  auto exec = serving("echo $ARGOSY_ACTION $ARGOSY_MODEL $ARGOSY_VERSION $ARGOSY_PATH $ARGOSY_FILE >> " +
                      (folder / "seen").string());
  EXPECT_FALSE(exec.switch_to(placement("a")));
  exec.settle(placement("a"));
  const std::string slot = (folder / "digits/a").string();
  const std::string rest = " digits 1.a " + slot + " " + slot + "/model.onnx\n";
  EXPECT_EQ(read_file(folder / "seen").value(), "activate" + rest + "settle" + rest);
  EXPECT_EQ(current(), "a");
}

TEST_F(Exec, RefusedFirstVersionLeavesNothingToPutBack) {
  const auto failure = serving("echo 'no such accelerator' >&2; exit 4").switch_to(placement("a"));
  ASSERT_TRUE(failure);
  EXPECT_FALSE(failure->switched);
  EXPECT_NE(failure->error.message.find("exit code 4: no such accelerator"), std::string::npos);
  EXPECT_EQ(current(), "");
}

TEST_F(Exec, RefusedLaterVersionHasTheOldPutBack) {
  EXPECT_FALSE(serving("true").switch_to(placement("a")));
  const auto failure = serving("false").switch_to(placement("b"));
  ASSERT_TRUE(failure);
  EXPECT_TRUE(failure->switched);  // the updater switches to the version before: the command decides again
  EXPECT_EQ(current(), "a");
  EXPECT_FALSE(serving("true").switch_to(placement("a")));
}

TEST_F(Exec, CommandThatHangsIsKilled) {
  const auto failure = serving("sleep 60", "", 1).switch_to(placement("a"));
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error.code, Errc::timeout);
}

TEST_F(Exec, CheckSaysWhetherTheProgramRuns) {
  EXPECT_TRUE(serving("true").look({placement("a")}).down.empty());
  EXPECT_TRUE(serving("true", "test $ARGOSY_ACTION = check").look({placement("a")}).down.empty());
  EXPECT_TRUE(serving("true", "exit 1").look({placement("a")}).down.contains("digits"));
}

}  // namespace
}  // namespace argosy::agent
