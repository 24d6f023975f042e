#include "server/access/idempotency.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

TEST(Idempotency, KnowsWhereAChangedObjectCanBeRead) {
  EXPECT_EQ(path_of_object("rollout/3"), "/api/v1/rollouts/3");
  EXPECT_EQ(path_of_object("model/digits"), "/api/v1/models/digits");
  EXPECT_EQ(path_of_object("release/digits/1.0"), "/api/v1/models/digits/releases/1.0");
  EXPECT_EQ(path_of_object("alert/3"), "");
  EXPECT_EQ(path_of_object("release/digits"), "");
  EXPECT_EQ(path_of_object(""), "");
}

}  // namespace
}  // namespace argosy::server
