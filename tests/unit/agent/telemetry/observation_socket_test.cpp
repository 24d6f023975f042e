#include "agent/telemetry/observation_socket.hpp"

#include <vector>

#include <grp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "agent/sdk/argosy_observe.h"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

using test::TempFolder;

class Program {  // an inference program with the SDK's header
 public:
  explicit Program(const std::filesystem::path& socket) { argosy_observer_open(&observer_, socket.c_str()); }
  ~Program() { argosy_observer_close(&observer_); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  bool observe(const char* model, std::uint64_t us) {
    const argosy_observation observation = argosy_observation_of(model, us);
    return argosy_observe(&observer_, &observation) == 1;
  }

 private:
  argosy_observer observer_{};
};

std::vector<std::uint64_t> drain(ObservationSocket& socket, std::size_t limit = 1000) {
  std::vector<std::uint64_t> seen;
  socket.drain(limit, [&](const Observation& observation) { seen.push_back(observation.latency_us); });
  return seen;
}

TEST(ObservationSocket, TakesWhatProgramsSendInOrder) {
  const TempFolder folder;
  auto socket = ObservationSocket::open(folder / "run/observe.sock");
  ASSERT_TRUE(socket);
  Program program(folder / "run/observe.sock");
  for (std::uint64_t us = 1; us <= 3; ++us) ASSERT_TRUE(program.observe("digits", us));
  EXPECT_EQ(drain(*socket), (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_TRUE(drain(*socket).empty());
}

TEST(ObservationSocket, CountsWhatItCannotRead) {
  const TempFolder folder;
  auto socket = ObservationSocket::open(folder / "observe.sock");
  Program program(folder / "observe.sock");
  ASSERT_TRUE(program.observe("not a name", 1));
  ASSERT_TRUE(program.observe("digits", 2));
  EXPECT_EQ(drain(*socket), (std::vector<std::uint64_t>{2}));
  EXPECT_EQ(socket->counters().received, 2u);
  EXPECT_EQ(socket->counters().malformed, 1u);
}

TEST(ObservationSocket, FloodCostsTheProgramItsSampleAndNothingElse) {
  const TempFolder folder;
  auto socket = ObservationSocket::open(folder / "observe.sock");
  Program program(folder / "observe.sock");
  int accepted = 0;
  while (program.observe("digits", 1)) ASSERT_LT(++accepted, 1'000'000);
  EXPECT_GT(accepted, 0);
  EXPECT_FALSE(program.observe("digits", 1));
  EXPECT_EQ(drain(*socket, 10).size(), std::min<std::size_t>(10, accepted));
  EXPECT_TRUE(program.observe("digits", 1));
}

TEST(ObservationSocket, ReplacesWhatAnEarlierRunLeft) {
  const TempFolder folder;
  { ASSERT_TRUE(ObservationSocket::open(folder / "observe.sock")); }
  EXPECT_TRUE(ObservationSocket::open(folder / "observe.sock"));
}

TEST(ObservationSocket, IsOpenToItsUserAndGroupAlone) {
  const TempFolder folder;
  const auto socket = ObservationSocket::open(folder / "observe.sock");
  ASSERT_TRUE(socket);
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(folder / "observe.sock").permissions(),
            perms::owner_read | perms::owner_write | perms::group_read | perms::group_write);
}

TEST(ObservationSocket, BelongsToTheGroupThatIsNamed) {
  const TempFolder folder;
  const std::string mine = ::getgrgid(::getegid())->gr_name;
  EXPECT_TRUE(ObservationSocket::open(folder / "observe.sock", mine));
  const auto socket = ObservationSocket::open(folder / "observe.sock", "no-such-group");
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().code, Errc::invalid_argument);
  EXPECT_NE(socket.error().message.find("'no-such-group'"), std::string::npos);
}

TEST(ObservationSocket, PathThatIsTooLongIsSaid) {
  const auto socket = ObservationSocket::open("/tmp/" + std::string(200, 'x') + "/observe.sock");
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace argosy::agent
