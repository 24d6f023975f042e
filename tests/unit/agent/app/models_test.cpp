#include "agent/app/models.hpp"

#include <deque>

#include <gtest/gtest.h>

#include "agent/serving/directory_serving.hpp"
#include "agent/update/journal.hpp"
#include "common/base/file.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

using test::TempFolder;

class Bench : public BlobSource {  // a device whose downloads never arrive
 public:
  Bench() { EXPECT_TRUE(storage.create()); }
  void fetch(FetchRequest, StopFlag, std::function<void(std::uint64_t)>,
             std::function<void(std::optional<FetchFailure>)>) override {}
  Models make() {
    UpdaterPorts ports;
    ports.run_job = [this](std::function<void()> job) {
      jobs.push_back(std::move(job));
      return true;
    };
    ports.on_loop = [this](std::function<void()> f) { jobs.push_back(std::move(f)); };
    ports.now = [this] { return wall_clock_now() + later; };
    ports.log = [this](const std::string& line) { log.push_back(line); };
    ports.blobs = this;
    ports.serving = &serving;
    return Models(storage, {"cam-7", folder / "runner", std::nullopt, 7}, std::move(ports), windows,
                  [this] { ++changes; });
  }
  TempFolder folder;
  Storage storage{folder / "root"};
  DirectoryServing serving{{}};
  WindowAccumulator windows{wall_clock_now()};
  std::deque<std::function<void()>> jobs;
  std::vector<std::string> log;
  int changes = 0;
  Duration later{0};
};

wire::Desired desired(std::int64_t rev, const std::string& version, const std::string& device = "cam-7") {
  wire::DesiredModel model;
  model.model = "digits";
  model.version = version;
  model.rollout = rev;
  model.format = "onnx";
  model.artifact = {std::string(64, 'a'), 1000};
  return {device, rev, {model}};
}

TEST(Models, NewestDocumentWins) {
  Bench bench;
  Models models = bench.make();
  models.start();
  models.take(desired(5, "1.1"));
  models.take(desired(4, "1.0"));
  models.take(desired(5, "1.0"));
  EXPECT_EQ(models.rev(), 5);
  ASSERT_EQ(models.reports().size(), 1u);
  EXPECT_EQ(models.reports()[0].update->version, "1.1");
  EXPECT_EQ(models.reports()[0].update->state, "planning");
  EXPECT_GT(bench.changes, 0);
}

TEST(Models, DocumentForAnotherDeviceIsIgnored) {
  Bench bench;
  Models models = bench.make();
  models.start();
  models.take(desired(5, "1.1", "cam-8"));
  EXPECT_EQ(models.rev(), 0);
  EXPECT_TRUE(models.reports().empty());
}

TEST(Models, LastDocumentIsKnownAfterAStartWithoutAServer) {
  Bench bench;
  bench.make().take(desired(5, "1.1"));
  bench.jobs.clear();
  Models models = bench.make();
  models.start();
  EXPECT_EQ(models.rev(), 5);
  EXPECT_EQ(models.reports()[0].update->version, "1.1");
}

TEST(Models, ModelThatIsNoLongerNamedIsWithdrawn) {
  Bench bench;
  Models models = bench.make();
  models.take(desired(5, "1.1"));
  models.take({"cam-7", 6, {}});
  EXPECT_EQ(models.reports()[0].update->state, "failed");
  EXPECT_EQ(models.reports()[0].update->cause, "cancelled");
}

// A device with version 1.0 in slot a, and 1.1 in slot b in service and on probation.
void put_on_probation(const Bench& bench) {
  const ModelFolder folder(bench.storage.model("digits"));
  ASSERT_TRUE(folder.create());
  for (const auto& [slot, version, proven] : {std::tuple(SlotName::a, "1.0", true), {SlotName::b, "1.1", false}}) {
    ASSERT_TRUE(write_file_atomically(folder.model_file(slot, "onnx"), "model"));
    ASSERT_TRUE(folder.seal(slot, {version, std::string(64, version[2]), "onnx", 5, proven}));
  }
  ASSERT_TRUE(replace_symlink(folder.current(), "b"));
  UpdateState state;
  state.phase = Phase::probation;
  state.wish = desired(5, "1.1").models.front();
  state.wish->probation.max_error_rate = 0.1;
  state.target = SlotName::b;
  state.probation_from = wall_clock_now();
  ASSERT_TRUE(Journal(bench.storage.journal("digits")).save(state));
}

TEST(Models, WhatAModelServerCountsIsEnoughForProbation) {
  Bench bench;
  put_on_probation(bench);
  Models models = bench.make();
  models.start();
  ASSERT_EQ(models.served().size(), 1u);
  EXPECT_EQ(models.served()[0].version, "1.1");
  for (int window = 0; window < 2; ++window) {
    EXPECT_EQ(models.reports()[0].update->state, "probation");
    models.note_status({{{"digits", "1.1", 5, 5, {}}}, {}}, wall_clock_now());
    models.window_ended();
  }
  EXPECT_EQ(models.reports()[0].update->state, "rolling_back");
  EXPECT_EQ(models.reports()[0].update->cause, "probation_errors");
}

TEST(Models, ProgramThatIsSeenDownInThreeWindowsRollsBack) {
  Bench bench;
  put_on_probation(bench);
  Models models = bench.make();
  models.start();
  models.note_status({{}, {"digits"}}, wall_clock_now());
  models.window_ended();
  models.window_ended();  // nothing newer is known
  for (int window = 0; window < 3; ++window) {
    EXPECT_EQ(models.reports()[0].update->state, "probation");
    models.note_status({{}, {"digits"}}, wall_clock_now());
    models.window_ended();
  }
  EXPECT_EQ(models.reports()[0].update->cause, "probation_crash");
}

wire::Desired with_brightness(wire::Desired desired, std::vector<double> edges) {
  const auto bins = edges.size() + 2;
  desired.models.front().features = {{"brightness", std::move(edges), std::vector<std::uint64_t>(bins)}};
  return desired;
}

// How many bins the feature of what 1.1 answers has in the window, 0 if it is left out.
std::size_t bins_of_served(WindowAccumulator& windows) {
  Observation seen;
  seen.model = "digits";
  seen.features = {0.5};
  windows.add(seen, "1.1", wall_clock_now());
  for (const auto& window : windows.close(wall_clock_now()))
    if (window.version == "1.1" && !window.features.empty()) return window.features.front().counts.size();
  return 0;
}

TEST(Models, TheFeaturesOfWhatServesOutliveTheWishForIt) {
  Bench bench;
  put_on_probation(bench);
  {
    Models models = bench.make();
    models.start();
    models.take(with_brightness(desired(5, "1.1"), {0, 1}));
    models.take(with_brightness(desired(6, "1.1"), {0, 0.5, 1}));   // its reference was mended
    models.take(with_brightness(desired(7, "1.2"), {0, 1, 2, 3}));  // and never serves
    EXPECT_EQ(bins_of_served(bench.windows), 5u);
  }
  bench.windows = WindowAccumulator{wall_clock_now()};
  Models models = bench.make();
  models.start();
  EXPECT_EQ(bins_of_served(bench.windows), 5u);
}

TEST(Models, DamagedDocumentIsNoReasonToStop) {
  Bench bench;
  ASSERT_TRUE(write_file_atomically(bench.storage.root() / "state/desired.json", "{"));
  Models models = bench.make();
  models.start();
  EXPECT_EQ(models.rev(), 0);
}

TEST(Models, OldDownloadsAreSweptWithoutARestart) {
  Bench bench;
  Models models = bench.make();
  models.start();
  const auto left = bench.storage.part(std::string(64, 'f'));
  ASSERT_TRUE(write_file_atomically(left, "half"));
  std::filesystem::last_write_time(left, std::filesystem::file_time_type::clock::now() - std::chrono::hours(24 * 8));
  models.tick();
  EXPECT_TRUE(std::filesystem::exists(left));
  bench.later = std::chrono::hours(25);
  models.tick();
  EXPECT_FALSE(std::filesystem::exists(left));
}

TEST(Models, ADiskThatDidNotAnswerIsAskedAgain) {
  Bench bench;
  Models models = bench.make();
  const auto journal = bench.storage.journal("digits");
  std::filesystem::create_directory(journal);  // reading it fails
  models.take(desired(5, "1.1"));
  EXPECT_TRUE(models.reports().empty());
  std::filesystem::remove(journal);
  models.tick();
  ASSERT_EQ(models.reports().size(), 1u);
  EXPECT_EQ(models.reports()[0].update->version, "1.1");
}

}  // namespace
}  // namespace argosy::agent
