#include "agent/telemetry/handed_labels.hpp"

#include <gtest/gtest.h>

namespace argosy::agent {
namespace {

using wire::LabelOutcome;
using Answers = std::map<std::uint64_t, LabelOutcome>;

TEST(HandedLabels, WhatCountsIsToldOnceItsWindowIsSafe) {
  HandedLabels labels;
  labels.note(4, LabelOutcome::counted);
  labels.note(5, LabelOutcome::unknown);
  EXPECT_EQ(labels.request().after, 5u);
  EXPECT_EQ(labels.request().answers, (Answers{{5, LabelOutcome::unknown}}));
  labels.window_kept();
  EXPECT_EQ(labels.request().answers, (Answers{{4, LabelOutcome::counted}, {5, LabelOutcome::unknown}}));
}

TEST(HandedLabels, WhatTheServerHasIsNotToldAgain) {
  HandedLabels labels;
  labels.note(5, LabelOutcome::unknown);
  const auto asked = labels.request();
  labels.note(6, LabelOutcome::too_late);
  labels.told(asked);
  EXPECT_EQ(labels.request().answers, (Answers{{6, LabelOutcome::too_late}}));
  labels.told(labels.request());
  EXPECT_FALSE(labels.has_answers());
}

TEST(HandedLabels, OfALostWindowNothingIsTold) {
  HandedLabels labels;
  labels.note(4, LabelOutcome::counted);
  labels.note(5, std::nullopt);
  labels.window_lost();
  labels.window_kept();
  EXPECT_FALSE(labels.has_answers());
  EXPECT_EQ(labels.request().after, 5u) << "they are handed out again after a restart";
}

TEST(HandedLabels, TakesNoMoreThanItHasRoomFor) {
  HandedLabels labels;
  for (std::uint64_t seq = 1; seq <= wire::most_labels_handed; ++seq) labels.note(seq, LabelOutcome::counted);
  EXPECT_EQ(labels.request().most, wire::most_labels_handed);
  for (std::uint64_t seq = 501; seq <= 1200; ++seq) labels.note(seq, LabelOutcome::counted);
  EXPECT_EQ(labels.request().most, 0u);
  labels.window_kept();
  EXPECT_EQ(labels.request().answers.size(), wire::most_label_answers);
  EXPECT_EQ(labels.request().most, wire::most_labels_handed);
}

}  // namespace
}  // namespace argosy::agent
