#include "agent/update/storage.hpp"

#include <csignal>
#include <string>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

TEST(Storage, IsOfOneProcessUntilThatDies) {
  const test::TempFolder folder;
  const Storage storage(folder.path());
  int told[2];
  ASSERT_EQ(::pipe(told), 0);
  const pid_t other = ::fork();
  if (other == 0) {
    const auto taken = storage.take();
    const char word = taken ? 'y' : 'n';
    if (::write(told[1], &word, 1) == 1) ::pause();
    ::_exit(0);
  }
  char word = 0;
  ASSERT_EQ(::read(told[0], &word, 1), 1);
  EXPECT_EQ(word, 'y');
  const auto refused = storage.take();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_NE(refused.error().message.find("process " + std::to_string(other)), std::string::npos)
      << refused.error().message;
  ::kill(other, SIGKILL);
  ::waitpid(other, nullptr, 0);
  EXPECT_TRUE(storage.take());
  ::close(told[0]);
  ::close(told[1]);
}

}  // namespace
}  // namespace argosy::agent
