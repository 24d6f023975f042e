// Each row of the table is true: a patch of each codec is made, recognised, described and applied as its row says.
#include "common/delta/patch_codec.hpp"

#include <set>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "common/base/file.hpp"
#include "common/delta/patch_info.hpp"
#include "common/delta/patch_make.hpp"
#include "common/delta/patch_stream.hpp"
#include "tests/unit/common/delta/delta_files.hpp"

namespace argosy {
namespace {

class EachCodec : public testing::TestWithParam<CodecFacts> {
 protected:
  void SetUp() override {
    files_.write("old", old_);
    files_.write("new", new_);
    MakeRequest request;
    request.old_path = files_.path("old");
    request.new_path = files_.path("new");
    request.patch_path = files_.path("patch");
    request.candidates = {GetParam().codec};
    request.largest_ratio = 2;
    const auto made = make_patch(request);
    ASSERT_TRUE(made) << made.error().message;
    ASSERT_EQ(made->codec, GetParam().codec) << made->declined;
  }

  Result<Bytes> apply_to(const std::string& old_name) const {
    return apply_to_bytes({.old_path = files_.path(old_name),
                           .patch_path = files_.path("patch"),
                           .expected_old = std::nullopt,
                           .expected_new = measure(new_)});
  }

  static Bytes changed(Bytes content) {
    for (std::size_t i = 0; i < content.size(); i += 40) content[i] = static_cast<std::uint8_t>(content[i] + 3);
    return content;
  }

  DeltaFiles files_;
  Rng rng_{31};
  const Bytes old_ = random_weights(rng_, 60'000);
  const Bytes new_ = changed(old_);
};

TEST_P(EachCodec, IsKnownByItsNameAndItsFirstBytes) {
  EXPECT_EQ(parse_patch_codec(GetParam().name).value(), GetParam().codec);
  EXPECT_EQ(name_of(GetParam().codec), GetParam().name);
  const Bytes patch = files_.read("patch");
  EXPECT_EQ(as_text(ByteView(patch).first(GetParam().magic.size())), GetParam().magic);
  EXPECT_EQ(recognise_patch(patch).value(), GetParam().codec);
  EXPECT_EQ(recognise_patch(as_bytes(GetParam().magic.substr(0, 3))).error().code, Errc::truncated);
}

TEST_P(EachCodec, SaysHowMuchItMakes) {
  const auto info = inspect_patch(files_.path("patch"));
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->codec, GetParam().codec);
  EXPECT_EQ(info->new_bytes, new_.size());
}

TEST_P(EachCodec, MakesTheNewFileOfTheOld) {
  const auto made = apply_to("old");
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(*made, new_);
}

TEST_P(EachCodec, NeedsTheOldFileWhereItsRowSaysSo) {
  files_.write("another", random_weights(rng_, 60'000));
  EXPECT_EQ(bool(apply_to("another")), !GetParam().needs_base);
}

TEST_P(EachCodec, ComesAsAStreamWhereItsRowSaysSo) {
  const UniqueFd old(::open(files_.path("old").c_str(), O_RDONLY | O_CLOEXEC));
  const Bytes patch = files_.read("patch");
  Bytes made;
  PatchStream stream({old.get(), measure(old_), measure(new_), patch.size()},
                     [&](ByteView chunk, const PatchPosition&) -> Result<void> {
                       made.insert(made.end(), chunk.begin(), chunk.end());
                       return {};
                     });
  EXPECT_EQ(bool(stream.push(patch)), GetParam().is_streamed);
  EXPECT_EQ(made == new_, GetParam().is_streamed);
}

INSTANTIATE_TEST_SUITE_P(PatchCodecs, EachCodec, testing::ValuesIn(patch_codecs), [](const auto& codec) {
  std::string name(codec.param.name);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(PatchCodec, NoTwoAreTakenForEachOther) {
  std::set<std::string_view> names, magics;
  for (const CodecFacts& facts : patch_codecs) {
    EXPECT_TRUE(names.insert(facts.name).second);
    for (const std::string_view other : magics)
      EXPECT_FALSE(other.starts_with(facts.magic) || facts.magic.starts_with(other)) << facts.name;
    magics.insert(facts.magic);
  }
}

TEST(PatchCodec, WhatIsNoneIsNamedWithThoseThatThereAre) {
  EXPECT_EQ(find_codec("xdelta"), nullptr);
  const auto parsed = parse_patch_codec("xdelta");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, Errc::invalid_argument);
  for (const CodecFacts& facts : patch_codecs)
    EXPECT_NE(parsed.error().message.find(facts.name), std::string::npos) << facts.name;
}

TEST(PatchCodec, IsNotGuessedFromOtherBytes) {
  EXPECT_EQ(recognise_patch({}).error().code, Errc::truncated);
  EXPECT_EQ(recognise_patch(as_bytes("BSDIFF41")).error().code, Errc::malformed_patch);
  EXPECT_EQ(recognise_patch(as_bytes("ELF")).error().code, Errc::malformed_patch);
}

}  // namespace
}  // namespace argosy
