#include "common/delta/bsdiff_format.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace argosy {
namespace {

TEST(BsdiffFormat, NumbersAreSignAndMagnitude) {
  std::array<std::uint8_t, 8> bytes{};
  bsdiff::put_number(-2, bytes.data());
  EXPECT_EQ(to_hex(bytes), "0200000000000080");
  bsdiff::put_number(0x0102030405060708, bytes.data());
  EXPECT_EQ(to_hex(bytes), "0807060504030201");
  const auto most = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, most, -most}) {
    bsdiff::put_number(value, bytes.data());
    EXPECT_EQ(bsdiff::get_number(bytes.data()), value);
  }
}

TEST(BsdiffFormat, MinusZeroIsZero) {
  EXPECT_EQ(bsdiff::get_number(from_hex("0000000000000080").value().data()), 0);
}

TEST(BsdiffFormat, HeaderComesBack) {
  const auto bytes = bsdiff::encode(bsdiff::Header{100, 200, 5000});
  EXPECT_EQ(as_text(bytes).substr(0, 8), "BSDIFF40");
  const auto header = bsdiff::decode_header(bytes, 400).value();
  EXPECT_EQ(header.control_size, 100u);
  EXPECT_EQ(header.difference_size, 200u);
  EXPECT_EQ(header.new_size, 5000u);
}

struct BadHeader {
  std::int64_t control, difference, result;
  std::uint64_t patch_size;
  Errc code;
};

TEST(BsdiffFormat, ImpossibleLengthsAreRefused) {
  const auto most = std::numeric_limits<std::int64_t>::max();
  for (const auto& bad :
       {BadHeader{-1, 0, 0, 100, Errc::malformed_patch}, BadHeader{0, -1, 0, 100, Errc::malformed_patch},
        BadHeader{0, 0, -1, 100, Errc::malformed_patch}, BadHeader{69, 0, 0, 100, Errc::truncated},
        BadHeader{0, 69, 0, 100, Errc::truncated}, BadHeader{40, 40, 0, 100, Errc::truncated},
        BadHeader{most, most, 0, 100, Errc::truncated}, BadHeader{1, most, 0, 100, Errc::truncated}}) {
    std::array<std::uint8_t, bsdiff::header_bytes> bytes = bsdiff::encode(bsdiff::Header{});
    bsdiff::put_number(bad.control, bytes.data() + 8);
    bsdiff::put_number(bad.difference, bytes.data() + 16);
    bsdiff::put_number(bad.result, bytes.data() + 24);
    const auto header = bsdiff::decode_header(bytes, bad.patch_size);
    ASSERT_FALSE(header) << bad.control << " " << bad.difference << " " << bad.result;
    EXPECT_EQ(header.error().code, bad.code) << header.error().message;
  }
}

}  // namespace
}  // namespace argosy
