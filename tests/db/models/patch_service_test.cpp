#include "server/models/patch_service.hpp"

#include "common/delta/patch_apply.hpp"
#include "tests/db/models/models_fixture.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

class PatchServiceTest : public ModelsTest {
 protected:
  WorkerPool encoder{io.get_executor(), {}};
  std::unique_ptr<PatchService> patches;
  bool worker_ended = false;
  std::string old_model;
  std::string new_model;

  void SetUp() override {
    Rng rng(1);
    for (int i = 0; i < 60'000; ++i) old_model += static_cast<char>(rng());
    new_model = old_model;
    for (int i = 0; i < 50; ++i) new_model[rng.below(new_model.size())] ^= 1;
    restart({});
  }
  void TearDown() override { stop(); }

  void restart(PatchOptions options) {
    stop();
    options.poll_interval = 20ms;
    patches = create_patch_service(pool, *blobs, encoder, options);
  }
  void start() {
    worker_ended = false;
    boost::asio::co_spawn(io, patches->run(), [this](std::exception_ptr) { worker_ended = true; });
    started_ = true;
  }
  void stop() {
    if (!started_) return;
    patches->stop();
    EXPECT_TRUE(test::run_until(io, [&] { return worker_ended; }));
    started_ = false;
  }
  PatchRow want(const std::string& from, const std::string& to, int demand = 1) {
    return run(patches->want({{from, to, demand}})).value().at(0);
  }
  PatchRow wait_for(const std::string& from, const std::string& to) {
    PatchRow row = want(from, to);
    const auto deadline = std::chrono::steady_clock::now() + test::task_deadline;
    while ((row.state == PatchState::pending || row.state == PatchState::making) &&
           std::chrono::steady_clock::now() < deadline)
      row = want(from, to);
    return row;
  }
  std::string state() { return database.value<std::string>("select state from patches"); }

 private:
  bool started_ = false;
};

TEST_F(PatchServiceTest, MakesAPatchThatRebuildsTheNewModel) {
  const std::string from = store(old_model);
  const std::string to = store(new_model);
  EXPECT_EQ(want(from, to).state, PatchState::pending);
  start();
  const PatchRow row = wait_for(from, to);
  ASSERT_EQ(row.state, PatchState::ready) << row.reason;
  EXPECT_LT(row.size.value(), new_model.size() / 10);
  ApplyRequest request;
  request.old_path = run(blobs->find(digest_of(old_model)))->path;
  request.patch_path = run(blobs->find(Digest::parse(row.digest).value()))->path;
  request.expected_new = FileDigest{digest_of(new_model), new_model.size()};
  EXPECT_TRUE(apply_patch_to_file(request, folder / "rebuilt"));
  EXPECT_EQ(read_file(folder / "rebuilt").value(), new_model);
  EXPECT_EQ(database.value<int>("select count(*) from events where kind = 'patch.ready'"), 1);
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
  database.exec("update patches set claimed_at = now() - interval '61 seconds'");
  EXPECT_EQ(wait_for(from, to).state, PatchState::ready);
}

TEST_F(PatchServiceTest, AMissingFileFailsThePairAndIsTriedAgainLater) {
  const std::string from = store(old_model);
  const std::string to = store(new_model);
  const std::filesystem::path path = run(blobs->find(digest_of(old_model)))->path;
  std::filesystem::remove(path);
  start();
  const PatchRow failed = wait_for(from, to);
  EXPECT_EQ(failed.state, PatchState::failed);
  EXPECT_TRUE(failed.reason.starts_with("corrupt: ")) << failed.reason;
  ASSERT_TRUE(write_file_atomically(path, old_model));
  EXPECT_EQ(want(from, to).state, PatchState::failed);
  database.exec("update patches set claimed_at = now() - interval '11 minutes'");
  EXPECT_EQ(wait_for(from, to).state, PatchState::ready);
}

TEST_F(PatchServiceTest, TheMatrixNamesVersionsAndVariants) {
  const std::string from = store(old_model);
  const std::string to = store(new_model);
  database.exec("insert into models (name) values ('digits')");
  database.exec(
      "insert into releases (model, version, created_by) values ('digits', '1.0', 'x'), ('digits', '1.1', 'x')");
  database.exec(
      "insert into variants (release_id, name, digest, size, format) select id, 'fp32', case version "
      "when '1.0' then '" +
      from + "' else '" + to + "' end, 60000, 'onnx' from releases");
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
