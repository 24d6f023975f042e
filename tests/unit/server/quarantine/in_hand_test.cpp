#include "server/quarantine/in_hand.hpp"

#include <csignal>
#include <fstream>
#include <functional>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/temporary_folder.hpp"

namespace argosy::server {
namespace {

MessageId message(const std::string& device, MessageKind kind = MessageKind::state) {
  return {device, kind, sha256(as_bytes(device + " says"))};
}

// A process that opens the marks, does `work`, and is killed before it could clear anything away.
void die_in(const std::filesystem::path& folder, const std::function<void(InHand&)>& work) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto opened = InHand::open(folder);
    if (!opened) ::_exit(2);
    work(**opened);
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
}

class InHandTest : public ::testing::Test {
 protected:
  test::TemporaryFolder folder;
  std::unique_ptr<InHand> open() { return InHand::open(folder.path() / "in-hand").value(); }
  void die(const std::function<void(InHand&)>& work) { die_in(folder.path() / "in-hand", work); }
};

TEST_F(InHandTest, WhatWasInHandWhenTheProcessWasKilledIsThereAfterwards) {
  die([](InHand& marks) {
    const auto batch = marks.hold({message("cam-1"), message("cam-2")});
    const auto alone = marks.hold({message("cam-3", MessageKind::telemetry)});
    ::raise(SIGKILL);
  });
  const auto groups = open()->left_behind();
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].size(), 2u);
  EXPECT_EQ(groups[1], MarkedGroup{message("cam-3", MessageKind::telemetry)});
}

TEST_F(InHandTest, WhatWasReleasedIsNot) {
  die([](InHand& marks) {
    { const auto done = marks.hold({message("cam-1")}); }
    auto moved = marks.hold({message("cam-2")});
    const auto kept = std::move(moved);
    ::raise(SIGKILL);
  });
  EXPECT_EQ(open()->left_behind(), std::vector<MarkedGroup>{{message("cam-2")}});
}

TEST_F(InHandTest, ItStaysUntilItIsForgotten) {
  die([](InHand& marks) {
    const auto alone = marks.hold({message("cam-1")});
    ::raise(SIGKILL);
  });
  EXPECT_EQ(open()->left_behind().size(), 1u);
  auto marks = open();
  EXPECT_EQ(marks->left_behind().size(), 1u);
  marks->forget_left_behind();
  EXPECT_TRUE(marks->left_behind().empty());
  const auto mine = marks->hold({message("cam-2")});
  EXPECT_TRUE(marks->left_behind().empty());
}

TEST_F(InHandTest, ALivingProcessKeepsItsOwnAndTakesWhatADeadOneLeft) {
  auto living = open();
  living->forget_left_behind();
  const auto mine = living->hold({message("cam-1")});
  die([](InHand& marks) {
    const auto alone = marks.hold({message("cam-2")});
    ::raise(SIGKILL);
  });
  EXPECT_EQ(living->left_behind(), std::vector<MarkedGroup>{{message("cam-2")}});
  living->forget_left_behind();
  EXPECT_TRUE(living->left_behind().empty());
  EXPECT_TRUE(open()->left_behind().empty());
}

TEST_F(InHandTest, ABatchWithoutRoomLeavesNoMarkRatherThanHalfAMark) {
  auto marks = open();
  std::vector<MessageId> many(2047, message("cam-1"));
  const auto held = marks->hold(many);
  const auto batch = marks->hold({message("cam-2"), message("cam-3")});
  EXPECT_EQ(marks->unmarked(), 2u);
}

TEST_F(InHandTest, AFileOfNonsenseIsNoneOfOurs) {
  const auto path = folder.path() / "in-hand";
  std::filesystem::create_directories(path);
  std::ofstream(path / "0.marks") << std::string(100'000, '\x7f');
  std::ofstream(path / "1.marks") << "ARGHAND1" + std::string(300'000, '\x01');
  EXPECT_TRUE(open()->left_behind().empty());
}

TEST_F(InHandTest, AFolderThatCannotBeMadeIsAnErrorThatNamesIt) {
  std::ofstream(folder.path() / "file") << "x";
  const auto opened = InHand::open(folder.path() / "file" / "in-hand");
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("in-hand"), std::string::npos);
}

}  // namespace
}  // namespace argosy::server
