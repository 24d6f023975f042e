#include "agent/app/telemetry_source.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "agent/sdk/argosy_observe.h"
#include "common/wire/numbers.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;
using wire::LabelOutcome;
using namespace std::chrono_literals;

const Instant start = instant_from_ms(1'700'000'000'000);

// An agent's source on files that outlive it; a program beside it that predicts.
class TelemetrySourceTest : public ::testing::Test {
 protected:
  TelemetrySourceTest() { restart(); }

  // Whatever was in memory is gone, as with kill -9.
  void restart() {
    source.reset();
    HealthSampler::Options nothing;
    nothing.disk = folder.path();
    source.emplace(ObservationSocket::open(folder / "observe.sock").value(), HealthSampler(nothing),
                   Outbox::open(folder / "outbox.db", {}).value(),
                   AwaitedLabels::open(folder / "awaited_labels.db", {}).value(), WindowAccumulator(start),
                   [this](const std::string& line) { log += line + "\n"; });
    argosy_observer_open(&program, (folder / "observe.sock").c_str());
  }
  void predict(std::uint64_t id, std::int64_t predicted, const char* model = "digits") {
    argosy_observation seen = argosy_observation_of(model, 800);
    seen.release = "1.0";
    seen.predicted = static_cast<std::int32_t>(predicted);
    seen.id = id;
    ASSERT_EQ(argosy_observe(&program, &seen), 1);
    take();
  }
  void tell_by_program(std::uint64_t id, std::int32_t label) {
    ASSERT_EQ(argosy_label(&program, id, label), 1);
    take();
  }
  void take() {
    source->take_observations([](const std::string&) { return std::string("1.0"); },
                              [](const std::string&, const ShadowAnswer&) {}, start);
  }
  void hand(std::vector<wire::HandedLabel> labels) {
    source->take_labels(source->handed_labels().request(), {std::move(labels), false}, start + 1h);
  }
  std::map<std::uint64_t, LabelOutcome> answers() const { return source->handed_labels().request().answers; }
  // Labels that came later, of all windows in the outbox.
  std::uint64_t labels_later() {
    const auto batch = source->outbox().batch("cam-7", 1000, 1 << 20).value();
    std::uint64_t labels = 0;
    if (!batch) return labels;
    for (const auto& record : wire::decode_telemetry(wire::encode(*batch)).value().records) {
      const auto* window = std::get_if<wire::InferenceWindow>(&record.content);
      if (window == nullptr) continue;
      const auto found = window->numbers.find(std::string(wire::labels_later));
      if (found != window->numbers.end()) labels += found->second.count;
    }
    return labels;
  }

  TempFolder folder;
  std::optional<TelemetrySource> source;
  argosy_observer program{};
  std::string log;
};

TEST_F(TelemetrySourceTest, ALabelThatTheServerHandsOutCountsOnceItsWindowIsSafe) {
  predict(71, 3);
  hand({{1, "digits", 71, 3}});
  EXPECT_TRUE(answers().empty());
  source->end_window(start + 1h);
  EXPECT_EQ(answers().at(1), LabelOutcome::counted);
  EXPECT_EQ(labels_later(), 1u);
}

TEST_F(TelemetrySourceTest, WhatCannotCountIsSaidAtOnce) {
  predict(71, 3);
  predict(72, 3);
  tell_by_program(72, 3);
  hand({{1, "lines", 71, 3}, {2, "digits", 72, 3}, {3, "digits", 73, 3}, {4, "digits", 74, 3, start - 24h * 8}});
  using enum LabelOutcome;
  EXPECT_EQ(answers(), (std::map<std::uint64_t, LabelOutcome>{
                           {1, other_model}, {2, labelled_before}, {3, unknown}, {4, too_late}}));
}

TEST_F(TelemetrySourceTest, WhatDoesNotCountIsSaidWithItsReasonAndCounted) {
  source->sample_health(start, std::nullopt);
  EXPECT_FALSE(source->newest_health()->observations_refused);
  argosy_observation seen = argosy_observation_of("digits", 800);
  const argosy_number number{"Queue Depth", 3};
  seen.numbers = &number;
  seen.number_count = 1;
  for (int window = 1; window <= 2; ++window) {
    for (int n = 0; n < 3; ++n) ASSERT_EQ(argosy_observe(&program, &seen), 1);
    take();
    source->end_window(start + std::chrono::minutes(window));
  }
  EXPECT_NE(log.find("observations of this window that do not count: 3; at byte"), std::string::npos) << log;
  EXPECT_NE(log.find("found 'Queue Depth'"), std::string::npos) << log;
  EXPECT_EQ(log.find("that do not count"), log.rfind("that do not count")) << "once, until it is over";
  source->sample_health(start + 2min, std::nullopt);
  EXPECT_EQ(source->newest_health()->observations_refused, 6);
}

TEST_F(TelemetrySourceTest, AnInferenceOfNoVersionDoesNotCount) {
  const argosy_observation seen = argosy_observation_of("digits", 800);
  ASSERT_EQ(argosy_observe(&program, &seen), 1);
  source->take_observations([](const std::string&) { return std::string(); },
                            [](const std::string&, const ShadowAnswer&) {}, start);
  source->end_window(start + 1min);
  EXPECT_NE(log.find("observations of this window that do not count: 1; they name no version"), std::string::npos)
      << log;
}

TEST_F(TelemetrySourceTest, KilledBeforeTheWindowTheLabelCountsWhenItIsHandedOutAgain) {
  predict(71, 3);
  source->end_window(start + 1min);
  hand({{1, "digits", 71, 3}});
  restart();
  EXPECT_TRUE(answers().empty());
  hand({{1, "digits", 71, 3}});
  source->end_window(start + 2min);
  EXPECT_EQ(answers().at(1), LabelOutcome::counted);
  EXPECT_EQ(labels_later(), 1u);
}

TEST_F(TelemetrySourceTest, KilledAfterTheWindowTheLabelDoesNotCountAgain) {
  predict(71, 3);
  source->end_window(start + 1min);
  hand({{1, "digits", 71, 3}});
  source->end_window(start + 2min);
  restart();
  hand({{1, "digits", 71, 3}});
  source->end_window(start + 3min);
  EXPECT_EQ(answers().at(1), LabelOutcome::counted) << "that the answer was lost is no reason to say another";
  EXPECT_EQ(labels_later(), 1u);
}

TEST_F(TelemetrySourceTest, KilledBetweenTheWindowAndForgettingThePredictionTheLabelDoesNotCountAgain) {
  predict(71, 3);
  source->end_window(start + 1min);
  const fs::path kept = folder / "kept";
  fs::create_directory(kept);
  for (const char* end : {"", "-wal"})
    fs::copy_file(folder.path() / ("awaited_labels.db" + std::string(end)),
                  kept / ("awaited_labels.db" + std::string(end)));
  hand({{1, "digits", 71, 3}});
  source->end_window(start + 2min);
  source.reset();
  for (const char* end : {"", "-wal", "-shm"}) fs::remove(folder.path() / ("awaited_labels.db" + std::string(end)));
  for (const auto& file : fs::directory_iterator(kept)) fs::copy_file(file, folder.path() / file.path().filename());
  restart();
  hand({{1, "digits", 71, 3}});
  tell_by_program(71, 3);
  source->end_window(start + 3min);
  EXPECT_EQ(answers().at(1), LabelOutcome::counted);
  EXPECT_EQ(labels_later(), 1u);
}

}  // namespace
}  // namespace argosy::agent
