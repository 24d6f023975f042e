// A patch that is applied while it arrives, in whatever pieces, with breaks at every chunk's end, gives the new file.
#include "common/delta/patch_stream.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "common/base/file.hpp"
#include "common/base/random.hpp"
#include "common/delta/tensor_encode.hpp"
#include "tests/unit/common/delta/delta_files.hpp"

namespace argosy {
namespace {

constexpr std::size_t file_bytes = 1'300'000;

class PatchStreamTest : public testing::Test {
 protected:
  void SetUp() override {
    old_ = Bytes(file_bytes);
    for (std::uint8_t& byte : old_) byte = static_cast<std::uint8_t>(rng_());
    new_ = old_;
    for (std::size_t i = 0; i < new_.size(); i += 1 + rng_() % 9) ++new_[i];
    new_.insert(new_.begin() + 500'000, 777, 3);
    files_.write("old", old_);
    files_.write("new", new_);
    ASSERT_TRUE(encode_tensor(files_.path("old"), files_.path("new"), files_.path("patch"), {}, nullptr));
    patch_ = files_.read("patch");
    old_fd_ = UniqueFd(::open(files_.path("old").c_str(), O_RDONLY | O_CLOEXEC));
    request_ = {old_fd_.get(), {sha256(old_), old_.size()}, {sha256(new_), new_.size()}, patch_.size()};
  }

  PatchStream::ChunkSink sink() {
    return [this](ByteView made, const PatchPosition& end) -> Result<void> {
      made_.insert(made_.end(), made.begin(), made.end());
      ends_.push_back(end);
      return {};
    };
  }
  Error refusal(ByteView bytes) {
    PatchStream stream(request_, sink());
    const auto pushed = stream.push(bytes);
    return pushed ? make_error(Errc::internal, "it was taken") : pushed.error();
  }

  Rng rng_{11};
  DeltaFiles files_;
  Bytes old_, new_, patch_, made_;
  std::vector<PatchPosition> ends_;
  UniqueFd old_fd_;
  StreamRequest request_;
};

TEST_F(PatchStreamTest, TakesPiecesOfAnySize) {
  for (const std::size_t most : {1UL, 700UL, 70'000UL, patch_.size()}) {
    made_.clear();
    PatchStream stream(request_, sink());
    for (std::size_t at = 0; at < patch_.size();) {
      const std::size_t count = std::min<std::size_t>(1 + rng_() % most, patch_.size() - at);
      ASSERT_TRUE(stream.push(ByteView(patch_).subspan(at, count)));
      at += count;
    }
    EXPECT_TRUE(stream.complete());
    EXPECT_EQ(stream.pushed_bytes(), patch_.size());
    EXPECT_EQ(made_, new_);
  }
}

TEST_F(PatchStreamTest, GoesOnFromTheEndOfAnyChunk) {
  PatchStream whole(request_, sink());
  ASSERT_TRUE(whole.push(patch_));
  const auto ends = ends_;
  ASSERT_GE(ends.size(), 5U);
  const Bytes head(whole.head().begin(), whole.head().end());
  for (const PatchPosition& end : ends) {
    made_.assign(new_.begin(), new_.begin() + static_cast<std::ptrdiff_t>(end.result_bytes));
    auto stream = PatchStream::resume(request_, sink(), head, end);
    ASSERT_TRUE(stream) << stream.error().message;
    EXPECT_EQ(stream->pushed_bytes(), end.patch_bytes);
    ASSERT_TRUE(stream->push(ByteView(patch_).subspan(end.patch_bytes)));
    EXPECT_TRUE(stream->complete());
    EXPECT_EQ(made_, new_);
  }
}

TEST_F(PatchStreamTest, RefusesWhatIsForOtherFiles) {
  const StreamRequest right = request_;
  request_.old_file.digest = sha256(new_);
  EXPECT_EQ(refusal(patch_).code, Errc::base_mismatch);
  request_ = right;
  request_.new_file.digest = sha256(old_);
  EXPECT_EQ(refusal(patch_).code, Errc::malformed_patch);
  EXPECT_TRUE(made_.empty());
}

TEST_F(PatchStreamTest, RefusesMoreOrLessThanThePatch) {
  Bytes longer = patch_;
  longer.push_back(0);
  EXPECT_EQ(refusal(longer).code, Errc::malformed_patch);
  --request_.patch_bytes;
  EXPECT_EQ(refusal(ByteView(patch_).first(patch_.size() - 1)).code, Errc::malformed_patch);
}

#ifdef ARGOSY_SANITIZE_ADDRESS
constexpr int damages = 60;  // each takes ten times as long
#else
constexpr int damages = 300;
#endif

TEST_F(PatchStreamTest, LetsNoDamagedChunkOut) {
  for (int trial = 0; trial < damages; ++trial) {
    made_.clear();
    Bytes damaged = patch_;
    damaged[rng_() % damaged.size()] ^= static_cast<std::uint8_t>(1U << rng_() % 8);
    PatchStream stream(request_, sink());
    const auto pushed = stream.push(damaged);
    ASSERT_LE(made_.size(), new_.size());
    EXPECT_TRUE(std::equal(made_.begin(), made_.end(), new_.begin())) << "trial " << trial;
    if (pushed) {
      EXPECT_EQ(made_, new_);
    }
  }
}

TEST_F(PatchStreamTest, TakesUpNothingThatWasKeptOfAnother) {
  PatchStream whole(request_, sink());
  ASSERT_TRUE(whole.push(patch_));
  const auto resume = [&](ByteView head, const PatchPosition& position) {
    const auto stream = PatchStream::resume(request_, sink(), head, position);
    return stream ? Errc::internal : stream.error().code;
  };
  EXPECT_EQ(resume(whole.head().first(whole.head().size() - 1), ends_[1]), Errc::malformed_patch);
  EXPECT_EQ(resume({}, ends_[1]), Errc::malformed_patch);
  EXPECT_EQ(resume(whole.head(), {patch_.size() + 1, 10}), Errc::malformed_patch);
  EXPECT_EQ(resume(whole.head(), {patch_.size(), new_.size() + 1}), Errc::malformed_patch);
}

}  // namespace
}  // namespace argosy
