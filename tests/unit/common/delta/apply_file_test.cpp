#include <csignal>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "common/delta/bsdiff_encode.hpp"
#include "common/delta/patch_info.hpp"
#include "tests/unit/common/delta/delta_files.hpp"

namespace argosy {
namespace {

class ApplyFile : public testing::Test {
 protected:
  Rng rng_{42};
  DeltaFiles files_;
  const Bytes old_ = random_weights(rng_, 60'000);
  const Bytes new_ = [this] {
    Bytes fresh = old_;
    for (std::size_t i = 0; i < fresh.size(); i += 1'000) fresh[i] ^= 3;
    return fresh;
  }();
  const Bytes patch_ = encode_bsdiff(old_, new_).value();
  ApplyRequest request_{.old_path = files_.write("old", old_),
                        .patch_path = files_.write("patch", patch_),
                        .expected_old = measure(old_),
                        .expected_new = measure(new_)};

  void expect_failure(Errc code, std::string_view message, const PatchProgress& progress = nullptr) {
    const auto applied = apply_patch_to_file(request_, files_.path("new"), progress);
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code, code) << applied.error().message;
    EXPECT_NE(applied.error().message.find(message), std::string::npos) << applied.error().message;
    EXPECT_FALSE(std::filesystem::exists(files_.path("new")));
    EXPECT_FALSE(std::filesystem::exists(files_.path("new.part")));
  }
};

TEST_F(ApplyFile, MakesTheNewFileAndNothingElse) {
  const auto applied = apply_patch_to_file(request_, files_.path("new"));
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(applied->codec, PatchCodec::bsdiff);
  EXPECT_EQ(applied->patch_bytes, patch_.size());
  EXPECT_EQ(applied->result, measure(new_));
  EXPECT_EQ(files_.read("new"), new_);
  EXPECT_EQ(files_.count(), 3u);
}

TEST_F(ApplyFile, ReplacesWhatWasThereOnlyInTheEnd) {
  files_.write("new", as_bytes("previous"));
  request_.expected_new->digest = Digest{};
  EXPECT_EQ(apply_patch_to_file(request_, files_.path("new")).error().code, Errc::digest_mismatch);
  EXPECT_EQ(as_text(files_.read("new")), "previous");
  request_.expected_new = measure(new_);
  EXPECT_TRUE(apply_patch_to_file(request_, files_.path("new")));
  EXPECT_EQ(files_.read("new"), new_);
}

TEST_F(ApplyFile, AnotherBaseIsRefusedByDigestAndBySize) {
  Bytes other = old_;
  other[0] ^= 1;
  files_.write("old", other);
  expect_failure(Errc::base_mismatch, "the patch is for the file with digest " + sha256(old_).to_hex());
  other.pop_back();
  files_.write("old", other);
  expect_failure(Errc::base_mismatch, "the patch is for a file of 240000 bytes");
}

TEST_F(ApplyFile, WithoutABaseDigestTheResultStillTells) {
  Bytes other = old_;
  other[0] ^= 1;
  files_.write("old", other);
  request_.expected_old.reset();
  expect_failure(Errc::digest_mismatch, "is expected");
}

TEST_F(ApplyFile, AnotherResultIsRefusedByDigestAndBySize) {
  request_.expected_new->digest = Digest{};
  expect_failure(Errc::digest_mismatch, "the patched file has digest " + sha256(new_).to_hex());
  request_.expected_new = FileDigest{sha256(new_), 5};
  expect_failure(Errc::malformed_patch, "makes a file of 240000 bytes, and 5 are expected");
}

TEST_F(ApplyFile, MissingFilesAreNamed) {
  request_.patch_path = files_.path("nowhere");
  expect_failure(Errc::not_found, "cannot open the patch ");
  request_.old_path = files_.path("nothing");
  expect_failure(Errc::not_found, "cannot open the old file ");
}

TEST_F(ApplyFile, AFolderIsNoOldFile) {
  request_.old_path = files_.path(".");
  EXPECT_EQ(apply_patch_to_file(request_, files_.path("new")).error().code, Errc::io);
}

TEST_F(ApplyFile, CancelledMidwayLeavesNothing) {
  std::uint64_t last = 0;
  expect_failure(Errc::cancelled, "cancelled", [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_EQ(total, new_.size());
    last = done;
    return done < 100'000;
  });
  EXPECT_GE(last, 100'000u);
  EXPECT_LT(last, new_.size());
}

TEST_F(ApplyFile, ProgressEndsAtTheWhole) {
  std::uint64_t last = 0;
  ASSERT_TRUE(apply_patch_to_file(request_, files_.path("new"), [&](std::uint64_t done, std::uint64_t) {
    EXPECT_GE(done, last);
    last = done;
    return true;
  }));
  EXPECT_EQ(last, new_.size());
}

TEST_F(ApplyFile, AFullDiskIsACleanFailure) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full here";
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  const PatchSink sink = [&](ByteView data) { return write_all(full.get(), as_text(data)); };
  const auto applied = apply_patch(request_, sink);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, Errc::out_of_space);
}

TEST_F(ApplyFile, AFileSizeLimitLeavesNothing) {
  const auto previous_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{100'000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  expect_failure(Errc::io, "File too large");
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, previous_handler);
}

TEST_F(ApplyFile, APatchTellsAboutItself) {
  const auto info = inspect_patch(request_.patch_path).value();
  EXPECT_EQ(info.codec, PatchCodec::bsdiff);
  EXPECT_EQ(info.patch_bytes, patch_.size());
  EXPECT_EQ(info.new_bytes, new_.size());
  EXPECT_EQ(info.control_bytes + info.difference_bytes + info.extra_bytes + 32, patch_.size());
  EXPECT_EQ(inspect_patch(request_.old_path).error().code, Errc::malformed_patch);
  EXPECT_EQ(inspect_patch(files_.path("nowhere")).error().code, Errc::not_found);
}

}  // namespace
}  // namespace argosy
