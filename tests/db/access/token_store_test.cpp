// What happens to tokens at the same time in two transactions.
#include "server/access/token_store.hpp"

#include <chrono>
#include <future>

#include <gtest/gtest.h>
#include <pqxx/pqxx>

#include "common/crypto/digest.hpp"
#include "server/access/role.hpp"
#include "tests/support/test_database.hpp"

namespace argosy::server {
namespace {

class TokenStoreTest : public ::testing::Test {
 protected:
  test::TestDatabase database;
  Instant now = wall_clock_now();

  CreateToken child_of(std::optional<std::int64_t> parent, const std::string& name) const {
    return {name, Role::viewer, sha256(as_bytes(name)).to_hex(), std::nullopt,
            Maker{"token:" + name, std::nullopt, parent}};
  }
  // Whether a transaction came to wait for another's lock, within ten seconds.
  bool somebody_waits() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < deadline) {
      if (database.value<bool>("select exists (select from pg_stat_activity "
                               "where datname = current_database() and wait_event_type = 'Lock')")) {
        return true;
      }
    }
    return false;
  }
};

TEST_F(TokenStoreTest, ATokenThatIsBeingRevokedLeavesNoChildBehind) {
  pqxx::connection making(database.conninfo()), revoking(database.conninfo());
  pqxx::work first(making);
  const auto parent = child_of(std::nullopt, "parent")(first).value().id;
  first.commit();

  pqxx::work child_is_made(making);
  const auto child = child_of(parent, "child")(child_is_made).value().id;
  auto revoked = std::async(std::launch::async, [&] {
    pqxx::work transaction(revoking);
    const auto result = RevokeToken{parent, now, "test"}(transaction);
    transaction.commit();
    return result;
  });
  ASSERT_TRUE(somebody_waits());
  child_is_made.commit();
  ASSERT_TRUE(revoked.get());
  EXPECT_FALSE(database.value<bool>("select revoked_at is null from api_tokens where id = " + std::to_string(child)));
}

}  // namespace
}  // namespace argosy::server
