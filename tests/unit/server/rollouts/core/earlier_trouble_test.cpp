#include "server/rollouts/core/earlier_trouble.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

std::string warning_of_one(const EarlierTrouble& trouble) {
  return warnings_of({trouble}).at(0);
}

TEST(EarlierTroubles, AreSaidWithTheirFigures) {
  EXPECT_EQ(warning_of_one({3, "spring", "roll back", "p95 is 1.8 times the old one, on 12 devices", 0, 12}),
            "rollout 3 of this release, \"spring\", was rolled back: p95 is 1.8 times the old one, on 12 devices");
  EXPECT_EQ(warning_of_one({4, "spring", "pause", "errors rose by 0.2, on 3 devices", 1, 3}),
            "rollout 4 of this release, \"spring\", was paused by a guard: errors rose by 0.2, on 3 devices; "
            "1 of 3 devices refused it in validation");
  EXPECT_EQ(warning_of_one({5, "summer", "", "", 2, 40}),
            "rollout 5 of this release, \"summer\": 2 of 40 devices refused it in validation");
}

}  // namespace
}  // namespace argosy::server
