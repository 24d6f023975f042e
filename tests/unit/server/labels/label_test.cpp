#include "server/labels/label.hpp"

#include <set>

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

const Instant now = instant_from_ms(1'800'000'000'000);

LabelDesk desk() {
  LabelDesk desk;
  desk.devices["cam-1"] = {.takes_labels = true, .agent_version = "0.2.0", .presence = Presence::online};
  desk.devices["cam-away"] = {.takes_labels = true, .agent_version = "0.2.0", .presence = Presence::offline};
  desk.devices["cam-old"] = {.agent_version = "0.1.0", .presence = Presence::online};
  desk.devices["cam-new"] = {};
  desk.devices["cam-gone"] = {.revoked = true, .takes_labels = true, .agent_version = "0.2.0"};
  desk.models = {"digits"};
  return desk;
}
GivenLabel label(const std::string& device, std::uint64_t observation = 71, std::int32_t right = 3) {
  return {.device = device, .model = "digits", .observation = observation, .label = right, .source = "lab"};
}
using Status = LabelVerdict::Status;

TEST(ReadLabels, OneThatIsWrongNamesItsFieldAndTakesNoneAlong) {
  const auto labels = read_labels(R"({"labels": [
    {"device": "cam-1", "model": "digits", "id": "71", "label": 3, "predicted_at": "2026-11-30T07:00:00Z", "source": "lab 3"},
    {"device": "cam-1", "model": "digits", "id": "0", "label": 3},
    {"device": "cam-1", "model": "digits", "id": 9223372036854775807, "label": -4},
    {"device": "cam 1", "model": "digits", "id": "72", "label": 3},
    {"device": "cam-1", "model": "digits", "id": "73", "label": 2.5},
    {"device": "cam-1", "model": "digits", "id": "74", "label": 3, "image": "a picture"},
    "no object"]})");
  ASSERT_TRUE(labels) << labels.error().message;
  ASSERT_EQ(labels->size(), 7u);
  ASSERT_TRUE((*labels)[0]);
  EXPECT_EQ((*labels)[0]->observation, 71u);
  EXPECT_EQ((*labels)[0]->source, "lab 3");
  ASSERT_TRUE((*labels)[2]);
  EXPECT_EQ((*labels)[2]->observation, wire::largest_observation_id);
  EXPECT_EQ((*labels)[2]->label, -4);
  for (const auto& [index, word] : std::map<std::size_t, std::string>{
           {1, "labels[1].id"}, {3, "labels[3].device"}, {4, "labels[4].label"}, {5, "image"}, {6, "labels[6]"}}) {
    ASSERT_FALSE((*labels)[index]) << index;
    EXPECT_NE((*labels)[index].error().message.find(word), std::string::npos) << (*labels)[index].error().message;
  }
}

TEST(ReadLabels, AListIsNeitherEmptyNorEndless) {
  EXPECT_FALSE(read_labels(R"({"labels": []})"));
  EXPECT_FALSE(read_labels(R"({"labels": {}})"));
  EXPECT_FALSE(read_labels(R"([])"));
  std::string many = "1";
  for (std::size_t i = 1; i < most_labels_told; ++i) many += ",1";
  EXPECT_TRUE(read_labels("{\"labels\": [" + many + "]}"));
  EXPECT_FALSE(read_labels("{\"labels\": [" + many + ",1]}"));
}

TEST(LabelDesk, SaysWhatBecomesOfEach) {
  LabelDesk at = desk();
  EXPECT_EQ(at.judge(label("cam-1"), now).status, Status::accepted);
  EXPECT_EQ(at.judge(label("cam-1"), now).message, "");
  const LabelVerdict waits = at.judge(label("cam-away"), now);
  EXPECT_EQ(waits.status, Status::accepted);
  EXPECT_NE(waits.message.find("offline: the label waits for it until"), std::string::npos) << waits.message;
  EXPECT_EQ(at.judge(label("cam-new"), now).status, Status::accepted) << "nobody knows yet what its agent is";

  const auto refused_with = [&](const GivenLabel& given, const std::string& word) {
    const LabelVerdict verdict = at.judge(given, now);
    EXPECT_EQ(verdict.status, Status::refused);
    EXPECT_NE(verdict.message.find(word), std::string::npos) << verdict.message;
  };
  refused_with(label("cam-9"), "no device \"cam-9\"");
  refused_with(label("cam-gone"), "revoked");
  refused_with(label("cam-old"), "0.1.0, takes no labels: update it");
  GivenLabel elsewhere = label("cam-1");
  elsewhere.model = "lines";
  refused_with(elsewhere, "no model \"lines\"");
  GivenLabel old = label("cam-1", 72);
  old.predicted_at = now - labels_wait - Duration{1};
  refused_with(old, "older than a week");
}

TEST(LabelDesk, OfAnObservationTheFirstLabelStays) {
  LabelDesk at = desk();
  at.told[{"cam-1", "digits", 70}] = {3, LabelState::counted};
  const LabelVerdict again = at.judge(label("cam-1", 70), now);
  EXPECT_EQ(again.status, Status::repeated);
  EXPECT_EQ(again.state, LabelState::counted);
  EXPECT_EQ(at.judge(label("cam-1", 71), now).status, Status::accepted);
  EXPECT_EQ(at.judge(label("cam-1", 71), now).state, LabelState::waiting) << "twice in one request";
  const LabelVerdict other = at.judge(label("cam-1", 71, 4), now);
  EXPECT_EQ(other.status, Status::refused);
  EXPECT_NE(other.message.find("labelled 3 before, not 4"), std::string::npos) << other.message;
}

TEST(LabelDesk, WhatWaitsIsBounded) {
  LabelDesk at = desk();
  at.devices["cam-1"].waiting = most_waiting_labels - 1;
  EXPECT_EQ(at.judge(label("cam-1", 1), now).status, Status::accepted);
  EXPECT_EQ(at.judge(label("cam-1", 2), now).status, Status::refused);
  EXPECT_EQ(at.judge(label("cam-away", 2), now).status, Status::accepted);
  at.kept = most_kept_labels;
  EXPECT_EQ(at.judge(label("cam-away", 3), now).status, Status::refused);
}

TEST(LabelState, EachHasAWordAndASentenceOfItsOwn) {
  std::set<std::string_view> sentences;
  for (const LabelState state : all_label_states) {
    EXPECT_EQ(parse_label_state(to_string(state)).value(), state);
    sentences.insert(describe(state));
  }
  EXPECT_EQ(sentences.size(), all_label_states.size());
  for (const wire::LabelOutcome outcome : wire::label_outcomes)
    EXPECT_EQ(to_string(state_of(outcome)), wire::to_string(outcome));
}

}  // namespace
}  // namespace argosy::server
