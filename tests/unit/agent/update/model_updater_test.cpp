// The shell on a real folder with a real patch, a script as runner and a blob source that serves from memory.
#include "agent/update/model_updater.hpp"

#include <deque>
#include <map>

#include <gtest/gtest.h>

#include "agent/serving/directory_serving.hpp"
#include "common/base/file.hpp"
#include "common/base/random.hpp"
#include "common/crypto/digest.hpp"
#include "common/delta/tensor_encode.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

using test::TempFolder;
namespace fs = std::filesystem;

wire::BlobRef blob_of(const std::string& bytes) {
  return {sha256(as_bytes(bytes)).to_hex(), bytes.size()};
}

class Bench : public BlobSource {
 public:
  Bench() : storage_(folder_ / "root") {
    EXPECT_TRUE(storage_.create());
    answer_with(0.95);
    start();
  }

  // The device is switched on, again: a new process on the same disk.
  void start() {
    loop_.clear();
    UpdaterPorts ports;
    ports.run_job = [this](std::function<void()> job) {
      loop_.push_back(std::move(job));
      return true;
    };
    ports.on_loop = [this](std::function<void()> f) { loop_.push_back(std::move(f)); };
    ports.now = [this] { return now_; };
    ports.baseline = [](const std::string&, const std::string&) { return Baseline{10.0, 100}; };
    ports.changed = [] {};
    ports.log = [](const std::string&) {};
    ports.blobs = this;
    ports.serving = &serving_;
    updater_ = std::make_shared<ModelUpdater>(UpdaterOptions{"digits", storage_, folder_ / "runner", std::nullopt, 7},
                                              std::move(ports));
    ASSERT_TRUE(updater_->start());
  }
  void fetch(FetchRequest request, StopFlag, std::function<void(std::uint64_t)> progress,
             std::function<void(std::optional<FetchFailure>)> done) override {
    loop_.push_back([this, request, progress, done] {
      const auto found = blobs_.find(request.blob.digest);
      if (found == blobs_.end()) return done(FetchFailure{make_error(Errc::not_found, "404"), false, std::nullopt});
      auto taken = take(request, found->second, progress);
      if (taken) return done(std::nullopt);
      const bool passing = taken.error().code == Errc::unavailable;
      done(FetchFailure{std::move(taken).error(), passing, std::nullopt});
    });
  }
  // The connection breaks after so many bytes of each fetch.
  void break_downloads_after(std::uint64_t bytes) { connection_lasts_ = bytes; }
  std::uint64_t bytes_sent() const { return bytes_sent_; }

  void publish(const std::string& bytes) { blobs_[blob_of(bytes).digest] = bytes; }
  void answer_with(double accuracy) {
    EXPECT_TRUE(write_file_atomically(
        folder_ / "runner", "#!/bin/sh\necho '{\"ok\": true, \"value\": " + std::to_string(accuracy) + "}'\n", 0755));
  }
  wire::DesiredModel wish(const std::string& version, const std::string& bytes, std::int64_t rollout) {
    publish(bytes);
    publish("data");
    wire::DesiredModel wish;
    wish.model = "digits";
    wish.version = version;
    wish.rollout = rollout;
    wish.format = "onnx";
    wish.artifact = blob_of(bytes);
    wish.validation.dataset = blob_of("data");
    wish.validation.threshold = 0.9;
    wish.probation.duration_s = 1;
    wish.probation.min_observations = 20;
    wish.probation.max_error_rate = 0.1;
    return wish;
  }
  void run(int steps = 100'000) {
    while (steps-- > 0 && !loop_.empty()) {
      auto next = std::move(loop_.front());
      loop_.pop_front();
      next();
    }
  }
  void install(const wire::DesiredModel& wish) {
    updater_->wish(wish);
    run();
    pass_probation({100, 0, 10.0, false});
  }
  void pass_probation(const ProbationTotals& totals) {
    for (int i = 0; i < 4 && updater_->state().phase == Phase::probation; ++i) {
      now_ += std::chrono::seconds(2);
      updater_->observe(totals);
      run();
    }
  }
  void let_time_pass(Duration duration) {
    now_ += duration;
    updater_->tick();
  }
  Phase phase() const { return updater_->state().phase; }
  std::string served() const { return read_file(folder_ / "root/models/digits/current/model.onnx").value(); }
  ModelUpdater& updater() { return *updater_; }
  const Storage& storage() const { return storage_; }
  const TempFolder& folder() const { return folder_; }

 private:
  Result<void> take(const FetchRequest& request, const std::string& bytes,
                    const std::function<void(std::uint64_t)>& progress) {
    ARGOSY_TRY(const auto intake, request.open());
    if (!intake) return {};
    for (std::uint64_t sent = 0; intake->size() < bytes.size();) {
      if (sent >= connection_lasts_) return make_error(Errc::unavailable, "the connection broke");
      const std::string_view piece = std::string_view(bytes).substr(intake->size(), 7000);
      ARGOSY_CHECK(intake->append(piece));
      sent += piece.size();
      bytes_sent_ += piece.size();
      progress(intake->size());
    }
    return intake->finish();
  }

  std::uint64_t connection_lasts_ = ~0ULL;
  std::uint64_t bytes_sent_ = 0;
  TempFolder folder_;
  Storage storage_;
  DirectoryServing serving_{{}};
  Instant now_ = instant_from_ms(1'700'000'000'000);
  std::map<std::string, std::string> blobs_;
  std::deque<std::function<void()>> loop_;
  std::shared_ptr<ModelUpdater> updater_;
};

void damage_behind(const fs::path& path, std::uint64_t offset) {
  std::string content = read_file(path).value();
  std::fill(content.begin() + static_cast<std::ptrdiff_t>(offset), content.end(), '\0');
  ASSERT_TRUE(write_file_atomically(path, content));
}

TEST(ModelUpdater, InstallsUpdatesAndGoesBack) {
  Bench bench;
  bench.install(bench.wish("1.0", "model one", 1));
  EXPECT_EQ(bench.phase(), Phase::committed) << bench.updater().state().message;
  EXPECT_EQ(bench.served(), "model one");
  bench.install(bench.wish("1.1", "model two", 2));
  EXPECT_EQ(bench.phase(), Phase::committed) << bench.updater().state().message;
  EXPECT_EQ(bench.served(), "model two");
  bench.install(bench.wish("1.0", "model one", 3));
  EXPECT_EQ(bench.served(), "model one");
  EXPECT_EQ(bench.updater().report().update->source, "local");
  EXPECT_TRUE(fs::is_empty(bench.storage().root() / "downloads"));
}

TEST(ModelUpdater, RejectsWhatTheRunnerRejects) {
  Bench bench;
  bench.install(bench.wish("1.0", "model one", 1));
  bench.answer_with(0.5);
  bench.install(bench.wish("1.1", "model two", 2));
  EXPECT_EQ(bench.phase(), Phase::rejected);
  EXPECT_EQ(bench.updater().report().update->cause, "validate_rejected");
  EXPECT_EQ(bench.updater().report().update->metric_value, 0.5);
  EXPECT_EQ(bench.served(), "model one");
}

TEST(ModelUpdater, WithoutADataSetAModelIsStillLoaded) {
  Bench bench;
  bench.install(bench.wish("1.0", "model one", 1));
  wire::DesiredModel wish = bench.wish("1.1", "model two", 2);
  wish.validation.dataset.reset();
  EXPECT_TRUE(write_file_atomically(
      bench.folder() / "runner",
      "#!/bin/sh\necho '{\"ok\": false, \"error\": {\"type\": \"malformed-model\"}}'\nexit 1\n", 0755));
  bench.install(wish);
  EXPECT_EQ(bench.updater().report().update->cause, "malformed_model");
  EXPECT_EQ(bench.served(), "model one");
}

TEST(ModelUpdater, AFormTheRunnerDoesNotKnowIsTakenAsItIsUnlessItIsToBeMeasured) {
  Bench bench;
  bench.answer_with(0.5);
  wire::DesiredModel wish = bench.wish("1.0", "model one", 1);
  wish.format = "tflite";
  bench.install(wish);
  EXPECT_EQ(bench.updater().report().update->cause, "validate_rejected");
  wish.rollout = 2;
  wish.validation.dataset.reset();
  bench.install(wish);
  EXPECT_EQ(bench.phase(), Phase::committed) << bench.updater().state().message;
}

TEST(ModelUpdater, RollsBackWhatFailsInService) {
  Bench bench;
  bench.install(bench.wish("1.0", "model one", 1));
  bench.updater().wish(bench.wish("1.1", "model two", 2));
  bench.run();
  ASSERT_EQ(bench.phase(), Phase::probation);
  EXPECT_EQ(bench.served(), "model two");
  bench.pass_probation({100, 50, 10.0, false});
  EXPECT_EQ(bench.phase(), Phase::rolled_back);
  EXPECT_EQ(bench.served(), "model one");
}

TEST(ModelUpdater, SwitchedOffAfterAnyJobItEndsTheSameWay) {
  for (int steps = 0;; ++steps) {
    Bench bench;
    bench.install(bench.wish("1.0", "model one", 1));
    const auto wish = bench.wish("1.1", "model two", 2);
    bench.updater().wish(wish);
    bench.run(steps);
    const bool done = bench.phase() == Phase::probation;
    bench.start();
    EXPECT_FALSE(bench.served().empty()) << steps;
    bench.updater().wish(wish);
    bench.run();
    bench.pass_probation({100, 0, 10.0, false});
    EXPECT_EQ(bench.phase(), Phase::committed) << steps << ": " << bench.updater().state().message;
    EXPECT_EQ(bench.served(), "model two") << steps;
    if (done) break;
  }
}

class StreamedPatch : public testing::Test {
 protected:
  void SetUp() override {
    Rng rng(5);
    old_model_ = std::string(900'000, ' ');
    for (char& byte : old_model_) byte = static_cast<char>(rng());
    new_model_ = old_model_;
    for (std::size_t i = 0; i < new_model_.size(); i += 1 + rng() % 6) new_model_[i] = static_cast<char>(rng());
    bench_.install(bench_.wish("1.0", old_model_, 1));
    wish_ = bench_.wish("1.1", new_model_, 2);
    patch_ = patch_between(old_model_, new_model_);
    ASSERT_GT(patch_.size(), 100'000u);
    offer(old_model_, patch_, std::nullopt);
  }
  std::string patch_between(const std::string& from, const std::string& to) {
    EXPECT_TRUE(write_file_atomically(bench_.folder() / "old", from));
    EXPECT_TRUE(write_file_atomically(bench_.folder() / "new", to));
    EXPECT_TRUE(encode_tensor(bench_.folder() / "old", bench_.folder() / "new", bench_.folder() / "patch"));
    return read_file(bench_.folder() / "patch").value();
  }
  void offer(const std::string& from, const std::string& patch, const std::optional<wire::BlobRef>& result) {
    bench_.publish(patch);
    wish_.patches.push_back({blob_of(from).digest, "tensor", blob_of(patch), result});
  }
  void expect_new_model() {
    EXPECT_EQ(bench_.phase(), Phase::committed) << bench_.updater().state().message;
    EXPECT_TRUE(bench_.served() == new_model_);
    EXPECT_TRUE(fs::is_empty(bench_.storage().root() / "downloads"));
  }

  Bench bench_;
  std::string old_model_, new_model_, patch_;
  wire::DesiredModel wish_;
};

TEST_F(StreamedPatch, IsAppliedWithoutEverBeingOnTheDisk) {
  const std::uint64_t before = bench_.bytes_sent();
  bench_.install(wish_);
  expect_new_model();
  EXPECT_EQ(bench_.bytes_sent() - before, patch_.size());
  EXPECT_EQ(bench_.updater().report().update->source, "patch");
  EXPECT_EQ(bench_.updater().report().update->bytes, patch_.size());
}

TEST_F(StreamedPatch, GoesOnWhereTheConnectionBroke) {
  const std::uint64_t before = bench_.bytes_sent();
  bench_.break_downloads_after(20'000);
  bench_.updater().wish(wish_);
  for (int i = 0; i < 200 && bench_.phase() != Phase::probation; ++i) {
    bench_.run();
    bench_.let_time_pass(std::chrono::minutes(6));
  }
  bench_.pass_probation({100, 0, 10.0, false});
  expect_new_model();
  EXPECT_LT(bench_.bytes_sent() - before, patch_.size() + 20'000);  // the head, when it came in two
}

TEST_F(StreamedPatch, GoesOnWithWhatIsWholeAfterAPowerCut) {
  bench_.break_downloads_after(patch_.size() * 2 / 3);
  bench_.updater().wish(wish_);
  bench_.run();
  ASSERT_EQ(bench_.phase(), Phase::patching);
  const fs::path part = bench_.storage().part(wish_.artifact.digest);
  ASSERT_GT(fs::file_size(part), 300'000u);
  damage_behind(part, 290'000);  // written back late, and so lost
  const std::uint64_t before = bench_.bytes_sent();
  bench_.break_downloads_after(~0ULL);
  bench_.start();
  bench_.install(wish_);
  expect_new_model();
  EXPECT_LT(bench_.bytes_sent() - before, patch_.size());
}

TEST_F(StreamedPatch, OfADamagedLogNothingIsBelieved) {
  for (const char* fault : {"empty", "garbage", "cut"}) {
    Bench bench;
    bench.install(bench.wish("1.0", old_model_, 1));
    bench.wish("1.1", new_model_, 2);
    bench.publish(patch_);
    bench.break_downloads_after(patch_.size() * 2 / 3);
    bench.updater().wish(wish_);
    bench.run();
    const fs::path log = bench.storage().log(blob_of(patch_).digest);
    const std::string kept = read_file(log).value();
    const std::string wrong = fault == std::string("empty") ? ""
                              : fault == std::string("cut") ? kept.substr(0, kept.size() - 5)
                                                            : std::string(kept.size(), 'x');
    ASSERT_TRUE(write_file_atomically(log, wrong));
    bench.break_downloads_after(~0ULL);
    bench.start();
    bench.install(wish_);
    EXPECT_EQ(bench.phase(), Phase::committed) << fault << ": " << bench.updater().state().message;
    EXPECT_TRUE(bench.served() == new_model_) << fault;
    EXPECT_EQ(bench.updater().report().update->source, "patch") << fault;
  }
}

TEST_F(StreamedPatch, DamagedOnTheWayFallsBackToTheRestOfTheWholeFile) {
  std::string damaged = patch_;
  damaged[damaged.size() * 3 / 4] ^= 1;
  wish_.patches.clear();
  offer(old_model_, damaged, std::nullopt);
  const std::uint64_t before = bench_.bytes_sent();
  bench_.install(wish_);
  expect_new_model();
  EXPECT_EQ(bench_.updater().report().update->source, "full");
  EXPECT_LT(bench_.bytes_sent() - before, new_model_.size());  // what the patch had made was right
}

TEST_F(StreamedPatch, ForAnotherBaseFallsBackToTheWholeFile) {
  wish_.patches.clear();
  offer(old_model_, patch_between(new_model_, new_model_ + "x"), std::nullopt);
  bench_.install(wish_);
  expect_new_model();
  EXPECT_EQ(bench_.updater().report().update->source, "full");
}

TEST_F(StreamedPatch, TwoInARowLeadOverAStep) {
  const std::string step = new_model_.substr(0, 400'000) + old_model_.substr(400'000);
  wish_.patches.clear();
  offer(old_model_, patch_between(old_model_, step), blob_of(step));
  offer(step, patch_between(step, new_model_), std::nullopt);
  const std::uint64_t before = bench_.bytes_sent();
  bench_.install(wish_);
  expect_new_model();
  EXPECT_EQ(bench_.updater().report().update->source, "patch");
  EXPECT_EQ(bench_.bytes_sent() - before, wish_.patches[0].blob.size + wish_.patches[1].blob.size);
}

TEST(ModelUpdater, DamagedPatchFallsBackToTheWholeFile) {
  Bench bench;
  bench.install(bench.wish("1.0", "model one", 1));
  wire::DesiredModel wish = bench.wish("1.1", "model two and a little more to make the patch worth while", 2);
  bench.publish("BSDIFF40 but not really");
  wish.patches.push_back({blob_of("model one").digest, "bsdiff", blob_of("BSDIFF40 but not really"), {}});
  bench.install(wish);
  EXPECT_EQ(bench.phase(), Phase::committed) << bench.updater().state().message;
  EXPECT_EQ(bench.updater().report().update->source, "full");
}

TEST(ModelUpdater, DamagedSlotIsFetchedAgain) {
  Bench bench;
  bench.install(bench.wish("1.0", "model one", 1));
  bench.updater().wish(bench.wish("1.1", "model two", 2));
  bench.run();
  bench.pass_probation({100, 50, 10.0, false});
  ASSERT_EQ(bench.phase(), Phase::rolled_back);
  ASSERT_TRUE(write_file_atomically(bench.storage().model("digits") / "b/model.onnx", "model tow"));
  bench.install(bench.wish("1.1", "model two", 3));
  EXPECT_EQ(bench.phase(), Phase::committed) << bench.updater().state().message;
  EXPECT_EQ(bench.served(), "model two");
}

TEST(ModelUpdater, JournalThatCannotBeWrittenHoldsTheUpdateUpAndLosesNothing) {
  for (int steps = 0; steps < 12; ++steps) {
    Bench bench;
    bench.install(bench.wish("1.0", "model one", 1));
    bench.updater().wish(bench.wish("1.1", "model two", 2));
    bench.run(steps);
    const fs::path state = bench.storage().root() / "state";
    fs::rename(state, state.string() + ".away");
    bench.run();
    EXPECT_FALSE(bench.served().empty()) << steps;
    fs::rename(state.string() + ".away", state);
    for (int i = 0; i < 20; ++i) {
      bench.updater().tick();
      bench.run();
    }
    bench.pass_probation({100, 0, 10.0, false});
    EXPECT_EQ(bench.phase(), Phase::committed) << steps << ": " << bench.updater().state().message;
  }
}

TEST(ModelUpdater, JournalOfANewerAgentIsLeftAlone) {
  Bench bench;
  bench.install(bench.wish("1.0", "model one", 1));
  ASSERT_TRUE(write_file_atomically(bench.storage().journal("digits"), R"({"schema": 99})"));
  UpdaterPorts ports;
  ports.log = [](const std::string&) {};
  ports.now = wall_clock_now;
  const auto updater = std::make_shared<ModelUpdater>(
      UpdaterOptions{"digits", bench.storage(), bench.folder() / "runner", std::nullopt, 7}, std::move(ports));
  const auto started = updater->start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::incompatible);
  EXPECT_EQ(bench.served(), "model one");
}

}  // namespace
}  // namespace argosy::agent
