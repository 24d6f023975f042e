#include "common/delta/patch_make.hpp"

#include <gtest/gtest.h>

#include "common/delta/patch_info.hpp"
#include "tests/unit/common/delta/delta_files.hpp"

namespace argosy {
namespace {

class PatchMake : public testing::Test {
 protected:
  Rng rng_{1};
  DeltaFiles files_;

  MakeRequest pair(const Bytes& old, const Bytes& fresh) {
    return {.old_path = files_.write("old", old),
            .new_path = files_.write("new", fresh),
            .patch_path = files_.path("patch"),
            .limits = {}};
  }
};

TEST_F(PatchMake, TheSmallestCandidateWins) {
  const Bytes old = random_weights(rng_, 20'000);
  Bytes fresh = old;
  fresh[1'000] ^= 1;
  const auto report = make_patch(pair(old, fresh));
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_TRUE(report->codec);
  EXPECT_EQ(report->declined, "");
  EXPECT_EQ(report->old_file, measure(old));
  EXPECT_EQ(report->new_file, measure(fresh));
  EXPECT_EQ(report->patch, measure(files_.read("patch")));
  ASSERT_EQ(report->trials.size(), 4u);
  for (const PatchTrial& trial : report->trials) {
    EXPECT_GT(trial.seconds, 0);
    EXPECT_GE(trial.bytes, report->patch.size_bytes);
    if (trial.codec == *report->codec) {
      EXPECT_EQ(trial.bytes, report->patch.size_bytes);
    }
  }
  EXPECT_EQ(files_.count(), 3u) << "no candidate's file is left";
}

TEST_F(PatchMake, AnUnrelatedCompressibleFileIsBestAsZstd) {
  Bytes fresh;
  for (int i = 0; i < 5'000; ++i)
    for (const char c : std::to_string(i * i)) fresh.push_back(static_cast<std::uint8_t>(c));
  const auto report = make_patch(pair(random_bytes(rng_, 10'000), fresh));
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_TRUE(report->codec);
  EXPECT_EQ(inspect_patch(files_.path("patch")).value().codec, *report->codec);
}

TEST_F(PatchMake, NoiseIsDeclinedWithTheFigures) {
  const auto report = make_patch(pair(random_bytes(rng_, 10'000), random_bytes(rng_, 10'000)));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_FALSE(report->codec);
  EXPECT_EQ(report->declined.find("not smaller: the full file has 10000 bytes, tensor 1"), 0u) << report->declined;
  EXPECT_EQ(files_.count(), 2u);
}

TEST_F(PatchMake, AFileTooLargeForBsdiffIsATrialThatFailed) {
  auto request = pair(Bytes(100'000, 'a'), Bytes(100'000, 'a'));
  request.limits.max_memory_bytes = 1'000;
  const auto report = make_patch(request);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(report->codec);
  EXPECT_NE(report->trials[1].failure.find("would take 26 MiB of memory"), std::string::npos)
      << report->trials[1].failure;
}

TEST_F(PatchMake, BsdiffIsLeftOutWhereItWouldTakeLong) {
  auto request = pair(random_bytes(rng_, 10'000), random_bytes(rng_, 10'000));
  request.bsdiff_up_to_bytes = 9'999;
  EXPECT_EQ(make_patch(request).value().trials.size(), 3u);
  request.candidates = {PatchCodec::bsdiff};
  EXPECT_EQ(make_patch(request).value().trials.size(), 1u) << "but not where nothing else was asked for";
}

TEST_F(PatchMake, ZstdIsLeftOutWhereASampleSaysThatItCannotWin) {
  const Bytes old = random_bytes(rng_, 5 << 20);
  Bytes fresh = old;
  for (std::size_t i = 0; i < fresh.size(); i += 1'000) ++fresh[i];
  MakeRequest request = pair(old, fresh);
  request.candidates = {PatchCodec::tensor, PatchCodec::zstd};
  request.zstd_unsampled_bytes = 1 << 20;
  const auto report = make_patch(request);
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(report->trials.size(), 1u);
  EXPECT_EQ(report->codec, PatchCodec::tensor);
}

TEST_F(PatchMake, MissingFilesAndCancellationAreErrors) {
  auto request = pair(random_bytes(rng_, 300'000), random_bytes(rng_, 300'000));
  EXPECT_EQ(make_patch(request, [](std::uint64_t, std::uint64_t) { return false; }).error().code, Errc::cancelled);
  EXPECT_EQ(files_.count(), 2u);
  request.new_path = files_.path("nowhere");
  EXPECT_EQ(make_patch(request).error().code, Errc::not_found);
}

TEST_F(PatchMake, OneCodecMayBeAskedFor) {
  auto request = pair(Bytes(50'000, 'a'), Bytes(50'001, 'a'));
  request.candidates = {PatchCodec::zstd};
  const auto report = make_patch(request);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->codec, PatchCodec::zstd);
  EXPECT_EQ(report->trials.size(), 1u);
}

}  // namespace
}  // namespace argosy
