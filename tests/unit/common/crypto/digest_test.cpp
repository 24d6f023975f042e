#include "common/crypto/digest.hpp"

#include <unordered_set>

#include <gtest/gtest.h>
#include <unistd.h>

#include "common/base/file.hpp"

namespace argosy {
namespace {

// FIPS 180-2, appendix B.
constexpr auto abc_hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr auto million_a_hex = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
constexpr auto empty_hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TEST(Digest, EqualsThePublishedVectors) {
  EXPECT_EQ(sha256(as_bytes("abc")).to_hex(), abc_hex);
  EXPECT_EQ(sha256({}).to_hex(), empty_hex);
  EXPECT_EQ(sha256(as_bytes(std::string(1'000'000, 'a'))).to_hex(), million_a_hex);
}

TEST(Digest, DoesNotDependOnHowTheDataIsCut) {
  Sha256 hash;
  for (int i = 0; i < 1000; ++i) hash.update(as_bytes(std::string(1000, 'a')));
  EXPECT_EQ(hash.finish().to_hex(), million_a_hex);
  hash.update(as_bytes("abc"));
  EXPECT_EQ(hash.finish().to_hex(), abc_hex) << "after finish() a hash starts afresh";
}

TEST(Digest, ParsesItsOwnTextInEitherCaseAndNothingElse) {
  EXPECT_EQ(Digest::parse(abc_hex).value(), sha256(as_bytes("abc")));
  EXPECT_EQ(Digest::parse("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD").value(),
            sha256(as_bytes("abc")));
  for (const std::string& bad : {std::string(), std::string("ba78"), std::string(abc_hex) + "00", std::string(64, 'g'),
                                 "sha256:" + std::string(abc_hex)}) {
    const auto parsed = Digest::parse(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().code, Errc::invalid_argument);
    EXPECT_NE(parsed.error().message.find("64 hex digits"), std::string::npos);
  }
}

TEST(Digest, ServesAsAKey) {
  const std::unordered_set<Digest> known{sha256(as_bytes("a")), sha256(as_bytes("b")), sha256(as_bytes("a"))};
  EXPECT_EQ(known.size(), 2u);
  EXPECT_LT(Digest{}, sha256({}));
}

TEST(Digest, MeasuresAFile) {
  const std::string path = testing::TempDir() + "argosy_digest_" + std::to_string(::getpid());
  ASSERT_TRUE(write_file_atomically(path, std::string(1'000'000, 'a')));
  const auto measured = measure_file(path);
  ASSERT_TRUE(measured);
  EXPECT_EQ(measured->digest.to_hex(), million_a_hex);
  EXPECT_EQ(measured->size_bytes, 1'000'000u);
  EXPECT_EQ(sha256_file(path).value().to_hex(), million_a_hex);
  ::unlink(path.c_str());
  EXPECT_EQ(sha256_file(path).error().code, Errc::not_found);
  EXPECT_EQ(sha256_file(testing::TempDir()).error().code, Errc::io) << "a folder has no digest";
}

}  // namespace
}  // namespace argosy
