#include "server/app/init_pki.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/base/encoding.hpp"
#include "common/base/file.hpp"
#include "common/base/random.hpp"
#include "common/crypto/certificates.hpp"

namespace argosy::server {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

class InitPki : public ::testing::Test {
 protected:
  fs::path folder = fs::temp_directory_path() / ("argosy-pki-" + to_hex(secure_random(6)));
  Instant now = wall_clock_now();
  void TearDown() override { fs::remove_all(folder); }
  std::string read(const std::string& name) const { return read_file(folder / name).value(); }
};

TEST_F(InitPki, MakesEverythingThatTheFleetNeeds) {
  EXPECT_EQ(init_pki(folder, {"localhost", "127.0.0.1"}, now).value(),
            (Names{"ca", "server", "broker", "argosyd", "argosyd@1", "argosyd@2", "argosyd@3", "argosyd@4"}));
  for (const char* name : {"server", "broker", "argosyd", "argosyd@1"}) {
    EXPECT_TRUE(check_issued_by(read(std::string(name) + ".pem"), read("ca.pem"), now)) << name;
    EXPECT_TRUE(check_key_matches(read(std::string(name) + ".pem"), read(std::string(name) + ".key"))) << name;
  }
  EXPECT_EQ(read_certificate(read("argosyd.pem")).value().common_name, "argosyd");
  EXPECT_EQ(read_certificate(read("argosyd@2.pem")).value().common_name, "argosyd@2");
  struct stat facts {};
  ASSERT_EQ(::stat((folder / "ca.key").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600U);
}

TEST_F(InitPki, KeepsWhatExists) {
  init_pki(folder, {"localhost"}, now).value();
  const std::string authority = read("ca.pem");
  EXPECT_EQ(init_pki(folder, {"localhost"}, now).value(), Names{});
  fs::remove(folder / "server.pem");
  fs::remove(folder / "server.key");
  EXPECT_EQ(init_pki(folder, {"localhost"}, now).value(), Names{"server"});
  EXPECT_EQ(read("ca.pem"), authority);
  EXPECT_TRUE(check_issued_by(read("server.pem"), authority, now));
}

TEST_F(InitPki, AHalfIsNamed) {
  init_pki(folder, {"localhost"}, now).value();
  fs::remove(folder / "ca.key");
  const auto again = init_pki(folder, {"localhost"}, now);
  EXPECT_EQ(again.error().code, Errc::conflict);
  EXPECT_NE(again.error().message.find("ca.key"), std::string::npos);
}

}  // namespace
}  // namespace argosy::server
