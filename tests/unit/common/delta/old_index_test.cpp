#include "common/delta/old_index.hpp"

#include <gtest/gtest.h>

#include "common/base/random.hpp"

namespace argosy {
namespace {

std::int64_t longest_by_trying_all(ByteView old, ByteView wanted) {
  std::size_t best = 0;
  for (std::size_t i = 0; i < old.size(); ++i) best = std::max(best, common_prefix(old.subspan(i), wanted));
  return static_cast<std::int64_t>(best);
}

TEST(OldIndex, FindsWhatTryingEveryPositionFinds) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    Bytes old(rng.below(400));
    const std::uint64_t letters = 1 + rng.below(5);
    for (auto& byte : old) byte = static_cast<std::uint8_t>(rng.below(letters));
    const auto index = OldIndex::build(old).value();
    for (int i = 0; i < 50; ++i) {
      Bytes wanted(rng.below(60));
      for (auto& byte : wanted) byte = static_cast<std::uint8_t>(rng.below(letters + 1));
      const Match match = index.longest_match(wanted);
      ASSERT_EQ(match.length, longest_by_trying_all(old, wanted));
      ASSERT_GE(common_prefix(ByteView(old).subspan(static_cast<std::size_t>(match.position)), wanted),
                static_cast<std::size_t>(match.length));
    }
  }
}

TEST(OldIndex, AnEmptyFileMatchesNothing) {
  EXPECT_EQ(OldIndex::build({}).value().longest_match(as_bytes("abc")).length, 0);
}

TEST(OldIndex, CommonPrefixStopsAtTheFirstDifference) {
  const std::string text(100, 'x');
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = 'y';
    EXPECT_EQ(common_prefix(as_bytes(text), as_bytes(other)), i);
  }
  EXPECT_EQ(common_prefix(as_bytes(text), as_bytes(text.substr(0, 13))), 13u);
}

}  // namespace
}  // namespace argosy
