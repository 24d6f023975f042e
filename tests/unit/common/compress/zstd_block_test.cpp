#include "common/compress/zstd_block.hpp"

#include <gtest/gtest.h>

namespace argosy {
namespace {

TEST(ZstdBlock, GivesBackWhatWentIn) {
  for (const auto size : {0, 1, 1000, 300'000}) {
    const Bytes bytes(static_cast<std::size_t>(size), 7);
    const auto block = compress_block(bytes);
    EXPECT_EQ(decompress_block(block, bytes.size()).value(), bytes);
    EXPECT_LT(block.size(), 100u);
  }
}

TEST(ZstdBlock, RefusesMoreThanIsAllowed) {
  const auto refused = decompress_block(compress_block(Bytes(1000)), 999);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "the block holds 1000 bytes; 999 are allowed");
}

TEST(ZstdBlock, RefusesWhatIsNotOne) {
  auto block = compress_block(as_bytes("an hour of windows, an hour of windows, an hour of windows"));
  EXPECT_FALSE(decompress_block({}, 100));
  EXPECT_FALSE(decompress_block(ByteView(block).first(block.size() - 1), 100));
  EXPECT_FALSE(decompress_block(as_bytes("no block"), 100));
}

}  // namespace
}  // namespace argosy
