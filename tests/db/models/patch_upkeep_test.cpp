// What the leader counts, drops and clears away.
#include "tests/db/models/patches_fixture.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

class PatchUpkeepTest : public PatchesTest {
 protected:
  std::string from;
  std::string to;

  void SetUp() override {
    PatchesTest::SetUp();
    from = store(old_model);
    to = store(new_model);
    publish_both(from, to);
  }

  // It runs 1.0 and is told to run 1.1.
  void add_waiting_device(const std::string& id) {
    database.exec("insert into devices (id, hardware_class) values ('" + id + "', 'cpu')");
    database.exec("insert into device_models (device_id, model, version, digest) values ('" + id +
                  "', 'digits', '1.0', '" + from + "')");
    database.exec("insert into device_targets (device_id, model, release_id) select '" + id +
                  "', 'digits', id from releases where version = '1.1'");
  }
  void count() { ASSERT_TRUE(run(patches->count_demand(now))); }
  void clear() {
    const auto cleared = run(patches->clear(now));
    ASSERT_TRUE(cleared) << cleared.error().message;
  }
  int demand() { return database.value<int>("select demand from patches"); }
  void make_one() {
    start();
    ASSERT_EQ(wait_for(from, to).state, PatchState::ready);
    stop();
  }
  bool is_stored(const Digest& digest) {
    return std::filesystem::exists(folder / digest.to_hex().substr(0, 2) / digest.to_hex().substr(2, 2) /
                                   digest.to_hex());
  }
};

TEST_F(PatchUpkeepTest, DemandIsWhoWouldUseThePairNow) {
  want(from, to, 40);
  add_waiting_device("cam-1");
  add_waiting_device("cam-2");
  add_waiting_device("cam-3");
  count();
  EXPECT_EQ(demand(), 3) << "not what was once asked";
  database.exec(
      "update device_models set update_version = '1.1', update_state = 'downloading' "
      "where device_id = 'cam-1'");
  count();
  EXPECT_EQ(demand(), 2) << "it has made its choice";
  database.exec("update devices set revoked_at = now() where id = 'cam-2'");
  count();
  EXPECT_EQ(demand(), 1);
}

TEST_F(PatchUpkeepTest, QueuedDevicesOfARunningRolloutCount) {
  want(from, to);
  database.exec("insert into devices (id, hardware_class) values ('cam-1', 'cpu')");
  database.exec("insert into device_models (device_id, model, version, digest) values ('cam-1', 'digits', '1.0', '" +
                from + "')");
  database.exec(
      "insert into rollouts (name, model, release_id, policy, seed, state, created_by) select 'r', 'digits', "
      "id, '{}', 1, 'running', 'x' from releases where version = '1.1'");
  database.exec("insert into rollout_devices (rollout_id, device_id, wave) select id, 'cam-1', 0 from rollouts");
  count();
  EXPECT_EQ(demand(), 1);
  database.exec("update rollouts set state = 'halted'");
  count();
  EXPECT_EQ(state(), "gone");
}

TEST_F(PatchUpkeepTest, APairThatNobodyWantsAnyMoreGoesAndComesBack) {
  want(from, to);
  count();
  EXPECT_EQ(state(), "gone");
  EXPECT_EQ(database.value<int>("select count(*) from events where kind = 'patch.cancelled'"), 1);
  EXPECT_EQ(want(from, to).state, PatchState::pending);
}

// The model is the same in both releases; what lies beside it is not.
TEST_F(PatchUpkeepTest, PatchesBetweenPartsAreWantedAndKeptByWhoHasThem) {
  const std::string old_weights = store("weights 1");
  const std::string new_weights = store("weights 2");
  database.exec("update variants set digest = '" + from + "'");
  database.exec(
      "insert into variant_parts (variant_id, name, digest, size) select v.id, 'model.data', case r.version when '1.0' "
      "then '" +
      old_weights + "' else '" + new_weights + "' end, 9 from variants v join releases r on r.id = v.release_id");
  add_waiting_device("cam-1");
  database.exec("update devices set capabilities = '{\"takes_parts\": true}'");
  want(old_weights, new_weights, 40);
  count();
  EXPECT_EQ(demand(), 1);
  const auto matrix = run(patches->matrix("digits")).value();
  ASSERT_EQ(matrix.size(), 1U);
  EXPECT_EQ(matrix[0].part, "model.data");
  EXPECT_EQ(matrix[0].full_size, 9U);
  database.exec("delete from device_targets");
  database.exec(
      "update patches set state = 'declined', demand = 0, finished_at = now() - interval '30 days', "
      "requested_at = now() - interval '30 days'");
  clear();
  EXPECT_EQ(state(), "declined") << "a device has its old file";
  database.exec("delete from device_models");
  clear();
  EXPECT_EQ(state(), "gone");
}

TEST_F(PatchUpkeepTest, AYoungPairAndOneThatAPersonAskedForStay) {
  PatchOptions options;
  restart(options);
  ASSERT_TRUE(run(patches->ask({"digits", {{"1.0", "1.1", ""}}, 7}, "user:ada")));
  count();
  EXPECT_EQ(state(), "pending");
  database.exec("update patches set asked_until = now()");
  count();
  EXPECT_EQ(state(), "gone");
}

TEST_F(PatchUpkeepTest, APatchIsClearedAwayWhenNoDeviceHasItsOldFile) {
  make_one();
  const Digest patch = Digest::parse(database.value<std::string>("select digest from patches")).value();
  add_waiting_device("cam-1");
  clear();
  database.exec(
      "update patches set finished_at = now() - interval '31 days', requested_at = now() - interval '32 days'");
  clear();
  EXPECT_EQ(state(), "ready") << "cam-1 has the old file";
  database.exec("delete from device_models");
  clear();
  EXPECT_EQ(state(), "gone");
  EXPECT_FALSE(is_stored(patch));
  EXPECT_EQ(database.value<int>("select count(*) from blobs"), 2) << "models stay";
  EXPECT_TRUE(is_stored(digest_of(old_model)));
  EXPECT_EQ(patches->counters().cleared.patches, 1U);
  EXPECT_GT(patches->counters().cleared.bytes, 0U);
}

TEST_F(PatchUpkeepTest, APatchStaysWhileItCanEndAChain) {
  make_one();
  const std::string older = store("an older model");
  database.exec("insert into patches (from_digest, to_digest, state, requested_at) values ('" + older + "', '" + from +
                "', 'ready', now())");
  database.exec("insert into devices (id, hardware_class) values ('cam-1', 'cpu')");
  database.exec("insert into device_models (device_id, model, digest) values ('cam-1', 'digits', '" + older + "')");
  database.exec(
      "update patches set finished_at = now() - interval '31 days', requested_at = now() - interval '32 days'");
  clear();
  EXPECT_EQ(database.value<int>("select count(*) from patches"), 2);
  database.exec("delete from device_models");
  clear();
  EXPECT_EQ(database.value<int>("select count(*) from patches"), 0);
}

TEST_F(PatchUpkeepTest, AnAdoptedFileIsYoungAgainAndAnUploadedOneStaysLonger) {
  make_one();
  const Digest patch = Digest::parse(database.value<std::string>("select digest from patches")).value();
  const std::string content = read_file(run(blobs.find(patch))->path).value();
  database.exec("delete from patches");
  EXPECT_EQ(run(blobs.clear_unreferred({.patches = 1h}, 100))->patches, 0U) << "somebody may be about to refer to it";
  const auto temporary = blobs.temporary_path("made");
  ASSERT_TRUE(write_file_atomically(temporary, content));
  database.exec("update blobs set created_at = now() - interval '2 hours'");
  ASSERT_TRUE(run(blobs.adopt(temporary, {patch, content.size()})));
  EXPECT_EQ(run(blobs.clear_unreferred({.patches = 1h}, 100))->patches, 0U) << "another one has just made the same";
  store(content);
  EXPECT_EQ(run(blobs.clear_unreferred({.patches = 0s}, 100))->patches, 0U) << "somebody uploaded the same";
  database.exec("update blobs set patch = true where digest = '" + patch.to_hex() + "'");
  EXPECT_EQ(run(blobs.clear_unreferred({.patches = 0s}, 100))->patches, 1U);
  EXPECT_EQ(run(blobs.find(patch)).error().code, Errc::not_found);
}

TEST_F(PatchUpkeepTest, AnUploadThatNoReleaseNamesGoesInTheEnd) {
  const std::string dataset = store("a data set");
  database.exec("update releases set validation = jsonb_build_object('dataset', jsonb_build_object('digest', '" +
                dataset + "')) where version = '1.1'");
  const std::string forgotten = store("forgotten");
  const std::string sent_again = store("sent again");
  database.exec("update blobs set created_at = now() - interval '91 days'");
  store("sent again");
  EXPECT_EQ(run(blobs.clear_unreferred({}, 100))->uploads, 1U);
  EXPECT_FALSE(is_stored(Digest::parse(forgotten).value()));
  for (const std::string& stays : {from, to, dataset, sent_again})
    EXPECT_TRUE(is_stored(Digest::parse(stays).value())) << stays;
}

TEST_F(PatchUpkeepTest, AFileWithoutARowGoesOnceItIsOld) {
  const std::string kept = store("kept");
  const std::string stray = store("stray");
  const std::filesystem::path file = run(blobs.find(Digest::parse(stray).value()))->path;
  database.exec("delete from blobs where digest = '" + stray + "'");
  const auto look_everywhere = [&] {
    std::size_t strays = 0;
    for (int part = 0; part < 256; ++part) strays += run(blobs.clear_unreferred({}, 100))->strays;
    return strays;
  };
  EXPECT_EQ(look_everywhere(), 0U) << "its row may be on its way";
  for (const std::string& digest : {kept, stray}) {
    const std::filesystem::path old =
        file.parent_path().parent_path().parent_path() / digest.substr(0, 2) / digest.substr(2, 2) / digest;
    std::filesystem::last_write_time(old, std::filesystem::file_time_type::clock::now() - 25h);
  }
  EXPECT_EQ(look_everywhere(), 1U);
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_TRUE(is_stored(Digest::parse(kept).value()));
  EXPECT_EQ(database.value<int>("select count(*) from blobs where digest = '" + stray + "'"), 0);
}

TEST_F(PatchUpkeepTest, AnAdoptionThatMeetsTheClearingIsTriedAgain) {
  make_one();
  const Digest patch = Digest::parse(database.value<std::string>("select digest from patches")).value();
  const auto path = run(blobs.find(patch))->path;
  const std::string content = read_file(path).value();
  database.exec("delete from patches");
  const auto temporary = blobs.temporary_path("made");
  ASSERT_TRUE(write_file_atomically(temporary, content));
  // As an instance that clears: the row is locked, its file is removed after the other's was moved into place.
  pqxx::connection other(database.conninfo());
  pqxx::work clearing(other);
  clearing.exec0("delete from blobs where digest = '" + patch.to_hex() + "'");
  std::optional<Result<void>> adopted;
  boost::asio::co_spawn(io, blobs.adopt(temporary, {patch, content.size()}),
                        [&](std::exception_ptr, Result<void> outcome) { adopted = std::move(outcome); });
  ASSERT_TRUE(test::run_until(io, [&] {
    return database.value<bool>("select exists (select 1 from pg_locks where not granted)");
  })) << "it waits for the row";
  std::filesystem::remove(path);
  clearing.commit();
  ASSERT_TRUE(test::run_until(io, [&] { return adopted.has_value(); }));
  ASSERT_FALSE(*adopted);
  EXPECT_EQ(adopted->error().code, Errc::unavailable) << "no row refers to a file that is gone";
}

TEST_F(PatchUpkeepTest, FilesOfMakersThatDiedAreRemovedAfterADay) {
  const auto left = blobs.temporary_path("left");
  const auto at_work = blobs.temporary_path("at_work");
  ASSERT_TRUE(write_file_atomically(left, "x"));
  ASSERT_TRUE(write_file_atomically(at_work, "x"));
  std::filesystem::last_write_time(left, std::filesystem::file_time_type::clock::now() - 25h);
  clear();
  EXPECT_FALSE(std::filesystem::exists(left));
  EXPECT_TRUE(std::filesystem::exists(at_work));
}

}  // namespace
}  // namespace argosy::server
