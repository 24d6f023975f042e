#include "common/base/spawn.hpp"

#include <csignal>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace argosy {
namespace {

struct Ended {
  std::string output;
  int status = 0;
};

Ended run(ChildProgram program) {
  auto child = spawn(std::move(program));
  EXPECT_TRUE(child) << child.error().message;
  Ended ended;
  char piece[256];
  for (ssize_t got = 0; (got = ::read(child->output.get(), piece, sizeof piece)) > 0;)
    ended.output.append(piece, static_cast<std::size_t>(got));
  EXPECT_EQ(::waitpid(child->pid, &ended.status, 0), child->pid);
  return ended;
}

ChildProgram shell(const std::string& text) {
  return {.arguments = {"/bin/sh", "-c", text}};
}

TEST(Spawn, ItsOutputIsReadAndItsEndIsTheCallers) {
  const Ended ended = run(shell("echo out; echo err >&2; exit 7"));
  EXPECT_EQ(ended.output, "out\n");
  EXPECT_EQ(WEXITSTATUS(ended.status), 7);
}

TEST(Spawn, OrWhatItSaysToStandardError) {
  ChildProgram program = shell("echo out; echo err >&2");
  program.read = ChildProgram::Output::errors;
  EXPECT_EQ(run(std::move(program)).output, "err\n");
}

TEST(Spawn, HasOurEnvironmentAndWhatIsAdded) {
  ::setenv("ARGOSY_SPAWN_TEST", "inherited", 1);
  ChildProgram program = shell("echo $ARGOSY_SPAWN_TEST $ADDED");
  program.environment = {{"ADDED", "added"}};
  EXPECT_EQ(run(std::move(program)).output, "inherited added\n");
}

TEST(Spawn, HasNothingToRead) {
  EXPECT_EQ(run(shell("cat; echo end")).output, "end\n");
}

TEST(Spawn, LeadsAGroupOfItsOwnOrStaysInOurs) {
  ChildProgram program = shell("test \"$(awk '{print $5}' /proc/$$/stat)\" = $$ && echo leads");
  EXPECT_EQ(run(program).output, "leads\n");
  program.group = ChildProgram::Group::ours;
  EXPECT_EQ(run(program).output, "");
}

TEST(Spawn, IsNotDeafToWhatWeBlockOrIgnore) {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const Ended terminated = run(shell("kill -TERM $$; echo deaf"));
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_TRUE(WIFSIGNALED(terminated.status));

  const auto handler = ::signal(SIGPIPE, SIG_IGN);
  const Ended broken = run(shell("kill -PIPE $$; echo deaf"));
  ::signal(SIGPIPE, handler);
  EXPECT_TRUE(WIFSIGNALED(broken.status));
}

TEST(Spawn, WhatCannotBeStartedIsNamed) {
  const auto child = spawn({.arguments = {"/no/such/program"}});
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().code, Errc::not_found);
  EXPECT_NE(child.error().message.find("/no/such/program"), std::string::npos);
}

}  // namespace
}  // namespace argosy
