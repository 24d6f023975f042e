#include "server/models/patch_choice.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

constexpr std::uint64_t mb = 1'000'000;

ReadyPatch patch(std::string from, std::string to, std::uint64_t bytes, std::string codec = "tensor",
                 std::uint64_t result_bytes = 20 * mb) {
  return {from, std::move(codec), {from + "->" + to, bytes}, {to, result_bytes}};
}

const wire::BlobRef target{"v3", 20 * mb};

PatchTaker with(std::vector<std::string> bases, std::optional<std::uint64_t> rate = {}) {
  PatchTaker taker;
  taker.bases = std::move(bases);
  taker.download_bytes_per_s = rate;
  return taker;
}

std::vector<std::string> blobs_of(const std::vector<wire::PatchOffer>& offers) {
  std::vector<std::string> blobs;
  for (const auto& offer : offers) blobs.push_back(offer.blob.digest);
  return blobs;
}

using Blobs = std::vector<std::string>;

TEST(PatchCost, IsTheLinkAndThenTheRebuild) {
  const auto taker = with({}, 2 * mb);
  EXPECT_DOUBLE_EQ(seconds_for_whole(20 * mb, taker), 10 + 0.05);
  EXPECT_DOUBLE_EQ(seconds_for_patch("tensor", 4 * mb, 20 * mb, taker), 2 + 0.2);
  EXPECT_DOUBLE_EQ(seconds_for_patch("zstd", 3 * mb, 30 * mb, taker), 1.5 + 0.1);
}

TEST(PatchCost, OfAnUnknownLinkAndCodecIsTakenFromTheDefaults) {
  EXPECT_DOUBLE_EQ(seconds_for_whole(20 * mb, with({})), 20 + 0.05);
  EXPECT_DOUBLE_EQ(seconds_for_patch("new", mb, 10 * mb, with({})), 1 + 0.1);
}

TEST(PatchCost, ASmallBoardRebuildsAtAQuarterOfTheRate) {
  auto taker = with({});
  taker.architecture = "aarch64";
  EXPECT_DOUBLE_EQ(seconds_for_patch("tensor", mb, 20 * mb, taker), 1 + 0.8);
  EXPECT_DOUBLE_EQ(seconds_for_whole(20 * mb, taker), 20 + 0.2);
}

TEST(PatchChoice, OffersWhatTheSlotsCanUseCheapestFirst) {
  const std::vector<ReadyPatch> ready = {patch("v1", "v3", 9 * mb), patch("v2", "v3", 2 * mb),
                                         patch("v0", "v3", 1 * mb)};
  const auto offers = choose_patches(ready, target, with({"v1", "v2"}));
  EXPECT_EQ(blobs_of(offers), (Blobs{"v2->v3", "v1->v3"}));
  EXPECT_EQ(offers[0].base_digest, "v2");
  EXPECT_EQ(offers[0].codec, "tensor");
  EXPECT_FALSE(offers[0].result);
}

TEST(PatchChoice, AFastLinkTakesTheWholeFile) {
  const std::vector<ReadyPatch> ready = {patch("v2", "v3", 17 * mb)};
  EXPECT_EQ(choose_patches(ready, target, with({"v2"}, 10 * mb)).size(), 1U) << "1.90 s against 2.05";
  EXPECT_TRUE(choose_patches(ready, target, with({"v2"}, 25 * mb)).empty()) << "0.88 s against 0.85";
}

TEST(PatchChoice, ALinkWithoutBoundIsNotBelieved) {
  const std::vector<ReadyPatch> ready = {patch("v2", "v3", 2 * mb)};
  EXPECT_EQ(choose_patches(ready, target, with({"v2"}, ~std::uint64_t{0})).size(), 1U);
  EXPECT_EQ(choose_patches(ready, target, with({"v2"}, 0)).size(), 1U);
}

TEST(PatchChoice, TheCheapestIsNotAlwaysTheSmallest) {
  const std::vector<ReadyPatch> ready = {patch("v1", "v3", 10 * mb, "tensor"), patch("v2", "v3", 11 * mb, "zstd")};
  EXPECT_EQ(blobs_of(choose_patches(ready, target, with({"v1", "v2"}, 1 * mb))), (Blobs{"v1->v3", "v2->v3"}));
  EXPECT_EQ(blobs_of(choose_patches(ready, target, with({"v1", "v2"}, 20 * mb))), (Blobs{"v2->v3", "v1->v3"}));
}

TEST(PatchChoice, TwoStepsAreOfferedWhereNoDirectPatchIsReady) {
  const std::vector<ReadyPatch> ready = {patch("v1", "v2", 2 * mb, "tensor", 19 * mb), patch("v2", "v3", 3 * mb)};
  const auto offers = choose_patches(ready, target, with({"v1"}));
  ASSERT_EQ(blobs_of(offers), (Blobs{"v1->v2", "v2->v3"}));
  EXPECT_EQ(offers[0].base_digest, "v1");
  EXPECT_EQ(offers[0].result, (wire::BlobRef{"v2", 19 * mb}));
  EXPECT_EQ(offers[1].base_digest, "v2");
  EXPECT_FALSE(offers[1].result);
}

TEST(PatchChoice, TwoStepsComeBeforeADirectPatchThatIsDearer) {
  const std::vector<ReadyPatch> ready = {patch("v1", "v2", 2 * mb), patch("v2", "v3", 3 * mb),
                                         patch("v1", "v3", 9 * mb)};
  EXPECT_EQ(blobs_of(choose_patches(ready, target, with({"v1"}))), (Blobs{"v1->v2", "v2->v3", "v1->v3"}));
}

TEST(PatchChoice, TwoStepsThatCostMoreThanOneAreLeftOut) {
  const std::vector<ReadyPatch> ready = {patch("v1", "v2", 2 * mb), patch("v2", "v3", 3 * mb),
                                         patch("v1", "v3", 5 * mb)};
  EXPECT_EQ(blobs_of(choose_patches(ready, target, with({"v1"}))), (Blobs{"v1->v3"})) << "one rebuild less";
}

TEST(PatchChoice, TwoStepsThatCostMoreThanTheWholeAreLeftOut) {
  const std::vector<ReadyPatch> ready = {patch("v1", "v2", 12 * mb), patch("v2", "v3", 9 * mb)};
  EXPECT_TRUE(choose_patches(ready, target, with({"v1"})).empty());
}

TEST(PatchChoice, OfChainsTheCheapestIsOffered) {
  const std::vector<ReadyPatch> ready = {patch("v1", "a", 4 * mb), patch("a", "v3", 4 * mb), patch("v1", "b", 3 * mb),
                                         patch("b", "v3", 3 * mb)};
  EXPECT_EQ(blobs_of(choose_patches(ready, target, with({"v1"}))), (Blobs{"v1->b", "b->v3"}));
}

TEST(PatchWait, EndsWhereWhatIsReadyTakesHalfTheTimeOfTheWholeFile) {
  const auto taker = with({"v1"});
  EXPECT_FALSE(is_soon_enough({}, target, taker));
  EXPECT_TRUE(is_soon_enough({patch("v1", "v3", 9 * mb)}, target, taker)) << "9.2 s against 20.05";
  EXPECT_FALSE(is_soon_enough({patch("v1", "v3", 10 * mb)}, target, taker)) << "10.2 s against 20.05";
  EXPECT_FALSE(is_soon_enough({patch("v2", "v3", 1 * mb)}, target, taker)) << "it has no v2";
}

TEST(PatchWait, EndsWhereAChainIsReady) {
  const std::vector<ReadyPatch> cheap = {patch("v1", "v2", 2 * mb), patch("v2", "v3", 3 * mb)};
  EXPECT_TRUE(is_soon_enough(cheap, target, with({"v1"})));
  const std::vector<ReadyPatch> dear = {patch("v1", "v2", 8 * mb), patch("v2", "v3", 9 * mb)};
  EXPECT_FALSE(is_soon_enough(dear, target, with({"v1"}))) << "cheaper than the whole, but a direct one may save much";
  EXPECT_EQ(choose_patches(dear, target, with({"v1"})).size(), 2U) << "offered all the same when the wait is over";
}

TEST(PatchWait, DependsOnTheLink) {
  const std::vector<ReadyPatch> ready = {patch("v1", "v3", 8 * mb)};
  EXPECT_TRUE(is_soon_enough(ready, target, with({"v1"}, 1 * mb)));
  EXPECT_FALSE(is_soon_enough(ready, target, with({"v1"}, 20 * mb))) << "0.6 s, most of it to rebuild, against 1.05";
}

TEST(PatchNews, AreOfUseWhereTheFirstWayLeadsOverThem) {
  const std::vector<ReadyPatch> ready = {patch("v1", "v2", 2 * mb), patch("v2", "v3", 3 * mb),
                                         patch("v1", "v3", 9 * mb)};
  const auto offers = choose_patches(ready, target, with({"v1"}));
  EXPECT_TRUE(leads_over(offers, "v1->v2"));
  EXPECT_TRUE(leads_over(offers, "v2->v3"));
  EXPECT_FALSE(leads_over(offers, "v1->v3")) << "offered, but dearer";
  EXPECT_FALSE(leads_over({}, "v1->v3"));
  const auto direct =
      choose_patches({patch("v1", "v3", 9 * mb), patch("v0", "v3", 8 * mb)}, target, with({"v1", "v0"}));
  EXPECT_TRUE(leads_over(direct, "v0->v3"));
  EXPECT_FALSE(leads_over(direct, "v1->v3")) << "the second choice";
}

TEST(PatchChoice, WhoHasTheFileIsOfferedNothing) {
  const std::vector<ReadyPatch> ready = {patch("v2", "v3", mb)};
  EXPECT_TRUE(choose_patches(ready, target, with({"v2", "v3"})).empty());
}

TEST(PatchChoice, TheNumberOfOffersIsBounded) {
  std::vector<ReadyPatch> ready;
  std::vector<std::string> bases;
  for (int i = 0; i < 10; ++i) {
    bases.push_back("b" + std::to_string(i));
    ready.push_back(patch(bases.back(), "v3", mb + static_cast<std::uint64_t>(i)));
  }
  EXPECT_EQ(blobs_of(choose_patches(ready, target, with(bases))), (Blobs{"b0->v3", "b1->v3", "b2->v3"}));
}

}  // namespace
}  // namespace argosy::server
