#include "server/telemetry/known_outboxes.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

KnownOutbox stored_to(std::uint64_t seq) {
  return {"0123456789abcdef", Cursor{seq}};
}

TEST(KnownOutboxes, RememberTheNewest) {
  KnownOutboxes outboxes;
  EXPECT_EQ(outboxes.find("cam-1"), nullptr);
  outboxes.learn("cam-1", stored_to(1));
  outboxes.learn("cam-1", stored_to(2));
  EXPECT_EQ(outboxes.find("cam-1")->cursor.seq, 2u);
}

TEST(KnownOutboxes, ForgetThoseHeardOfLongestAgo) {
  KnownOutboxes outboxes(10);
  for (int i = 0; i < 100; ++i) {
    outboxes.learn("always", stored_to(static_cast<std::uint64_t>(i)));
    outboxes.learn("cam-" + std::to_string(i), stored_to(1));
    ASSERT_LE(outboxes.size(), 10u);
    ASSERT_NE(outboxes.find("always"), nullptr);
  }
  EXPECT_EQ(outboxes.find("always")->cursor.seq, 99u);
  EXPECT_EQ(outboxes.find("cam-0"), nullptr);
  EXPECT_NE(outboxes.find("cam-99"), nullptr);
}

}  // namespace
}  // namespace argosy::server
