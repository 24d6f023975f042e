#include "server/models/patch_service.hpp"

#include "common/delta/patch_apply.hpp"
#include "tests/db/models/patches_fixture.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

using PatchServiceTest = PatchesTest;

TEST_F(PatchServiceTest, MakesAPatchThatRebuildsTheNewModel) {
  const std::string from = store(old_model);
  const std::string to = store(new_model);
  EXPECT_EQ(want(from, to).state, PatchState::pending);
  start();
  const PatchRow row = wait_for(from, to);
  ASSERT_EQ(row.state, PatchState::ready) << row.reason;
  EXPECT_LT(row.size.value(), new_model.size() / 10);
  ApplyRequest request;
  request.old_path = run(blobs.find(digest_of(old_model)))->path;
  request.patch_path = run(blobs.find(Digest::parse(row.digest).value()))->path;
  request.expected_new = FileDigest{digest_of(new_model), new_model.size()};
  EXPECT_TRUE(apply_patch_to_file(request, folder / "rebuilt"));
  EXPECT_EQ(read_file(folder / "rebuilt").value(), new_model);
  EXPECT_EQ(database.value<int>("select count(*) from events where kind = 'patch.ready'"), 1);
  EXPECT_EQ(database.value<std::string>("select offered_to from patches"), "") << "nobody was looked at yet";
  EXPECT_EQ(temporary_files(), 0U);
}

TEST_F(PatchServiceTest, APatchThatIsNotSmallerIsDeclinedWithItsReason) {
  Rng rng(2);
  std::string unlike;
  for (int i = 0; i < 60'000; ++i) unlike += static_cast<char>(rng());
  const std::string from = store(old_model);
  const std::string to = store(unlike);
  start();
  const PatchRow row = wait_for(from, to);
  EXPECT_EQ(row.state, PatchState::declined);
  EXPECT_FALSE(row.reason.empty());
  EXPECT_EQ(row.digest, "");
  EXPECT_EQ(database.value<int>("select count(offered_to) from patches"), 0);
  ASSERT_EQ(row.trials.size(), 4U) << "what was tried stays to be read";
  for (const CodecTrial& trial : row.trials) EXPECT_TRUE(trial.bytes > 0 || !trial.failure.empty()) << trial.codec;
}

TEST_F(PatchServiceTest, PairsThatCannotBeAreDeclinedAtOnce) {
  const std::string from = store(old_model);
  EXPECT_EQ(want(from, from).reason, "both are the same file");
  EXPECT_EQ(want(std::string(64, 'a'), from).reason, "the server does not have both files");
  EXPECT_EQ(database.value<int>("select count(*) from patches"), 0);
}

TEST_F(PatchServiceTest, TheMostWantedIsMadeFirst) {
  const std::string from = store(old_model);
  const std::string to = store(new_model);
  want(from, to, 1);
  want(to, from, 7);
  want(to, from, 3);
  EXPECT_EQ(database.value<int>("select demand from patches where from_digest = '" + to + "'"), 7);
  start();
  wait_for(from, to);
  EXPECT_EQ(database.value<std::string>("select details->>'from_digest' from events order by id limit 1"), to);
}

TEST_F(PatchServiceTest, AClaimOfAWorkerThatDiedIsTakenOver) {
  const std::string from = store(old_model);
  const std::string to = store(new_model);
  want(from, to);
  database.exec("update patches set state = 'making', claimed_at = now() - interval '59 seconds'");
  PatchOptions options;
  options.claim_lease = 60s;
  restart(options);
  start();
  EXPECT_EQ(want(from, to).state, PatchState::making);
  database.exec("update patches set claim = 'dead', claimed_at = now() - interval '61 seconds'");
  ASSERT_TRUE(write_file_atomically(blobs.temporary_path("dead.tensor.part"), "half a patch"));
  EXPECT_EQ(wait_for(from, to).state, PatchState::ready);
  EXPECT_EQ(temporary_files(), 0U) << "what the dead one left";
}

TEST_F(PatchServiceTest, APairThatKillsWhoMakesItFailsAfterTheLastAttempt) {
  const std::string from = store(old_model);
  const std::string to = store(new_model);
  want(from, to);
  database.exec(
      "update patches set state = 'making', attempts = 4, claim = 'dead', claimed_at = now() - interval '61 seconds'");
  ASSERT_TRUE(write_file_atomically(blobs.temporary_path("dead.tensor.part"), "half a patch"));
  start();
  const PatchRow row = wait_for(from, to);
  EXPECT_EQ(row.state, PatchState::failed);
  EXPECT_TRUE(row.reason.starts_with("4 attempts ended without a word")) << row.reason;
  EXPECT_FALSE(row.will_retry);
  EXPECT_EQ(database.value<int>("select count(*) from events where kind = 'patch.failed'"), 1);
  EXPECT_TRUE(test::run_until(io, [&] { return temporary_files() == 0; })) << "what the dead one left";
}

TEST_F(PatchServiceTest, AMissingFileFailsThePairAndIsTriedAgainLater) {
  const std::string from = store(old_model);
  const std::string to = store(new_model);
  const std::filesystem::path path = run(blobs.find(digest_of(old_model)))->path;
  std::filesystem::remove(path);
  start();
  const PatchRow failed = wait_for(from, to);
  EXPECT_EQ(failed.state, PatchState::failed);
  EXPECT_TRUE(failed.reason.starts_with("corrupt: ")) << failed.reason;
  EXPECT_TRUE(failed.will_retry);
  EXPECT_EQ(failed.attempts, 1);
  EXPECT_TRUE(database.value<bool>("select retry_at < now() + interval '1 minute' from patches"));
  ASSERT_TRUE(write_file_atomically(path, old_model));
  database.exec("update patches set retry_at = now()");
  EXPECT_TRUE(test::run_until(io, [&] { return state() == "ready"; }));
}

TEST_F(PatchServiceTest, NobodyTriesAgainWhatNobodyWants) {
  const std::string from = store(old_model);
  const std::string to = store(new_model);
  want(from, to);
  want(to, from);
  database.exec("update patches set state = 'failed', retry_at = now(), demand = 0 where from_digest = '" + from + "'");
  start();
  EXPECT_EQ(wait_for(to, from).state, PatchState::ready);
  EXPECT_EQ(want(from, to, 0).state, PatchState::failed);
}

TEST_F(PatchServiceTest, AFileOverTheLimitIsDeclined) {
  PatchOptions options;
  options.limits.max_file_bytes = 50'000;
  restart(options);
  start();
  const PatchRow row = wait_for(store(old_model), store(new_model));
  EXPECT_EQ(row.state, PatchState::declined);
  EXPECT_NE(row.reason.find("patches.max_file_mb"), std::string::npos) << row.reason;
}

TEST_F(PatchServiceTest, APairThatTakesTooLongFailsAndSaysWhichKeyToRaise) {
  PatchOptions options;
  options.limits.least_time = 0ms;
  options.limits.seconds_per_mb = 0;
  restart(options);
  start();
  const PatchRow row = wait_for(store(old_model), store(new_model));
  EXPECT_EQ(row.state, PatchState::failed);
  EXPECT_NE(row.reason.find("patches.seconds_per_mb"), std::string::npos) << row.reason;
  EXPECT_TRUE(row.will_retry);
  EXPECT_EQ(temporary_files(), 0U);
}

// Two files that take a while.
class LongPairTest : public PatchesTest {
 protected:
  void begin() {
    Rng rng(3);
    std::string large;
    for (int i = 0; i < 1'000'000; ++i) large += static_cast<char>(rng());
    const std::string from = store(large);
    for (std::size_t i = 0; i < large.size(); i += 97) large[i] ^= 1;
    const std::string to = store(large);
    PatchOptions options;
    options.claim_renewal = 10ms;
    restart(options);
    start();
    want(from, to);
    ASSERT_TRUE(test::run_until(io, [&] { return state() == "making"; }));
  }
};

TEST_F(LongPairTest, IsGivenBackWhenTheServerStopsAndTheAttemptDoesNotCount) {
  begin();
  stop();
  EXPECT_EQ(state(), "pending");
  EXPECT_EQ(database.value<int>("select attempts from patches"), 0);
  EXPECT_EQ(temporary_files(), 0U);
}

TEST_F(LongPairTest, ThatIsTakenAwayWhileItIsMadeIsGivenUp) {
  begin();
  database.exec("delete from patches");
  EXPECT_TRUE(test::run_until(io, [&] { return patches->counters().given_up == 1; }));
  EXPECT_EQ(state(), "gone");
  EXPECT_EQ(temporary_files(), 0U);
}

TEST_F(PatchServiceTest, TheMatrixNamesVersionsAndVariants) {
  const std::string from = store(old_model);
  const std::string to = store(new_model);
  publish_both(from, to);
  want(from, to);
  const auto matrix = run(patches->matrix("digits")).value();
  ASSERT_EQ(matrix.size(), 1U);
  EXPECT_EQ(matrix[0].from_version, "1.0");
  EXPECT_EQ(matrix[0].to_version, "1.1");
  EXPECT_EQ(matrix[0].variant, "fp32");
  EXPECT_EQ(matrix[0].full_size, 60000U);
  EXPECT_EQ(matrix[0].patch.state, PatchState::pending);
  EXPECT_EQ(run(patches->matrix("faces")).error().code, Errc::not_found);
}

}  // namespace
}  // namespace argosy::server
