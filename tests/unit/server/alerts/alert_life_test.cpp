#include "server/alerts/alert_life.hpp"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

const Instant long_ago = instant_from_ms(1'790'000'000'000);
constexpr HeldBack free_of_all{};
const HeldBack under_site{.inhibited_by = 7, .silenced_by = {}};
const HeldBack silenced{.inhibited_by = {}, .silenced_by = 3};

// One alert and its rule, people and clock; writes down what happens as words.
struct AlertStory {
  AlertLife life{.severity = "warning"};
  Instant now = long_ago;
  HeldBack held_back;
  std::string told;

  void note(const AlertChanges& changes) {
    for (const auto change : changes) told += (told.empty() ? "" : " ") + std::string(to_string(change));
  }
  void find(AlertState wanted, bool is_final = false) {
    note(take_finding({}, life, wanted, is_final, held_back, now));
    look();
  }
  void look() {
    if (life.look_at && *life.look_at <= now) note(look_again({}, {}, life, held_back, now));
  }
  // The clock goes on, and whenever it has something to do it does it.
  void wait(Duration time) {
    const Instant until = now + time;
    while (life.look_at && *life.look_at <= until) {
      now = std::max(now, *life.look_at);
      look();
    }
    now = until;
  }
  void become(const HeldBack& other) {
    held_back = other;
    life.look_at = now;
    look();
  }
  std::string take() { return std::exchange(told, {}); }
};

TEST(AlertLife, IsPendingThenFiresThenResolves) {
  AlertStory story;
  story.find(AlertState::pending);
  EXPECT_EQ(story.life.state, AlertState::pending);
  story.find(AlertState::firing);
  story.find(AlertState::firing);
  story.wait(5min);
  story.find(AlertState::ok);
  EXPECT_EQ(story.take(), "pending firing told resolved");
  EXPECT_FALSE(story.life.look_at);
}

TEST(AlertLife, ASuspicionThatCalmsLeavesNothing) {
  AlertStory story;
  story.find(AlertState::pending);
  story.find(AlertState::ok);
  EXPECT_EQ(story.take(), "pending withdrawn");
  EXPECT_EQ(story.life.state, AlertState::ok);
  EXPECT_TRUE(story.life.turns.empty());
}

TEST(AlertLife, WhatIsHeldBackIsToldWhenItIsFreeAndStillFires) {
  AlertStory story;
  story.held_back = under_site;
  story.find(AlertState::firing);
  EXPECT_EQ(story.take(), "firing inhibited");
  story.wait(3h);
  EXPECT_EQ(story.take(), "") << "nobody is waited for";
  story.become(free_of_all);
  EXPECT_EQ(story.take(), "uninhibited told");
}

TEST(AlertLife, WhatEndsWhileItIsHeldBackTellsNobody) {
  AlertStory story;
  story.held_back = silenced;
  story.find(AlertState::firing);
  story.find(AlertState::ok);
  EXPECT_EQ(story.take(), "firing silenced resolved");
  EXPECT_FALSE(event_of(AlertChange::resolved, story.life));
}

TEST(AlertLife, WhatWasToldBeforeItWasHeldBackIsNotToldAgain) {
  AlertStory story;
  story.find(AlertState::firing);
  story.become(under_site);
  story.become({.inhibited_by = 9, .silenced_by = {}});
  story.become(free_of_all);
  EXPECT_EQ(story.take(), "firing told inhibited inhibited uninhibited");
  story.find(AlertState::ok);
  EXPECT_EQ(event_of(AlertChange::resolved, story.life), "alert.resolved");
}

TEST(AlertLife, FourTurnsInAnHourAreFlapping) {
  AlertStory story;
  story.find(AlertState::firing);
  story.wait(5min);
  story.find(AlertState::ok);
  EXPECT_EQ(story.take(), "firing told resolved");
  story.life = life_after({}, story.life, story.now);
  story.wait(5min);
  story.find(AlertState::firing);
  story.wait(5min);
  story.find(AlertState::ok);
  EXPECT_EQ(story.take(), "firing told flapping") << "it stays one open alert";
  EXPECT_EQ(story.life.state, AlertState::firing);
  EXPECT_EQ(story.life.condition, AlertState::ok);
  for (int i = 0; i < 20; ++i) {
    story.wait(5min);
    story.find(i % 2 == 0 ? AlertState::firing : AlertState::ok);
  }
  EXPECT_EQ(story.take(), "") << "and is told no more";
  EXPECT_LE(story.life.turns.size(), FlapRule{}.turns);
  story.wait(59min);
  EXPECT_EQ(story.take(), "");
  story.wait(1min);
  EXPECT_EQ(story.take(), "calm resolved");
}

TEST(AlertLife, OneThatFlapsAndCalmsWhileItFiresGoesOn) {
  AlertStory story;
  for (int i = 0; i < 5; ++i) {
    story.find(i % 2 == 0 ? AlertState::firing : AlertState::ok);
    if (story.life.state == AlertState::resolved) story.life = life_after({}, story.life, story.now);
    story.wait(1min);
  }
  EXPECT_TRUE(story.life.is_flapping);
  story.take();
  story.wait(1h);
  EXPECT_EQ(story.take(), "calm");
  EXPECT_EQ(story.life.state, AlertState::firing);
  story.wait(1h);
  EXPECT_EQ(story.take(), "escalated") << "it waits for people again, from then on";
}

TEST(AlertLife, SlowTurnsAreNoFlapping) {
  AlertStory story;
  for (int i = 0; i < 10; ++i) {
    story.find(i % 2 == 0 ? AlertState::firing : AlertState::ok);
    if (story.life.state == AlertState::resolved) story.life = life_after({}, story.life, story.now);
    story.wait(21min);
    EXPECT_FALSE(story.life.is_flapping) << i;
  }
}

TEST(AlertLife, WhatItIsAboutIsNoMore) {
  AlertStory story;
  for (int i = 0; i < 4; ++i) {
    story.find(i % 2 == 0 ? AlertState::firing : AlertState::ok);
    if (story.life.state == AlertState::resolved) story.life = life_after({}, story.life, story.now);
  }
  ASSERT_TRUE(story.life.is_flapping);
  story.take();
  story.find(AlertState::ok, true);
  EXPECT_EQ(story.take(), "resolved");
}

TEST(AlertLife, NobodyComesSoItEscalatesAFewTimes) {
  AlertStory story;
  story.find(AlertState::firing);
  story.take();
  story.wait(59min);
  EXPECT_EQ(story.take(), "");
  story.wait(1min);
  EXPECT_EQ(story.take(), "escalated");
  EXPECT_EQ(story.life.severity, "critical");
  story.wait(24h);
  EXPECT_EQ(story.take(), "escalated escalated");
}

TEST(AlertLife, WhoAcknowledgesEndsTheEscalation) {
  AlertStory story;
  story.find(AlertState::firing);
  story.wait(30min);
  story.note(acknowledge(story.life));
  story.note(acknowledge(story.life));
  story.wait(5h);
  EXPECT_EQ(story.take(), "firing told acknowledged");
  story.note(take_acknowledgement_back(story.life, story.now));
  story.look();
  story.wait(59min);
  EXPECT_EQ(story.take(), "unacknowledged");
  story.wait(1min);
  EXPECT_EQ(story.take(), "escalated");
  story.find(AlertState::ok);
  EXPECT_TRUE(acknowledge(story.life).empty());
}

TEST(AlertLife, ASilenceHoldsTheEscalationBack) {
  AlertStory story;
  story.find(AlertState::firing);
  story.wait(50min);
  story.become(silenced);
  story.wait(50min);
  story.become(free_of_all);
  story.take();
  story.wait(59min);
  EXPECT_EQ(story.take(), "");
  story.wait(1min);
  EXPECT_EQ(story.take(), "escalated");
}

// Whatever rules find, whoever silences and however long it takes.
TEST(AlertLife, HoldsWhatItPromisesInAnyStory) {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    const auto one_of = [&random](std::uint32_t many) { return random() % many; };
    AlertStory story;
    int open_at_receivers = 0;  // alert.firing without its alert.resolved
    int told_while_flapping = 0;
    const auto hear = [&](const AlertChanges& changes) {
      for (const auto change : changes) {
        const auto event = event_of(change, story.life);
        if (event == "alert.firing") {
          EXPECT_FALSE(story.life.held_back.any()) << seed;
          if (story.life.is_flapping) ++told_while_flapping;
          ++open_at_receivers;
        }
        if (event == "alert.resolved") --open_at_receivers;
        if (event == "alert.escalated") {
          EXPECT_TRUE(open_at_receivers == 1 && !story.life.held_back.any() && !story.life.is_acknowledged) << seed;
        }
        if (!story.life.is_flapping) told_while_flapping = 0;
        ASSERT_TRUE(open_at_receivers == 0 || open_at_receivers == 1) << seed;
        ASSERT_LE(told_while_flapping, 1) << seed;
      }
    };
    for (int step = 0; step < 300; ++step) {
      story.now += Duration{one_of(4) == 0 ? one_of(7'200'000) : one_of(120'000)};
      const HeldBack held_back{one_of(4) == 0 ? std::optional<std::int64_t>(one_of(2)) : std::nullopt,
                               one_of(4) == 0 ? std::optional<std::int64_t>(one_of(2)) : std::nullopt};
      switch (one_of(6)) {
        case 0:
        case 1: {
          const AlertState wanted[] = {AlertState::ok, AlertState::pending, AlertState::firing};
          hear(take_finding({}, story.life, wanted[one_of(3)], one_of(20) == 0, held_back, story.now));
          break;
        }
        case 2:
          hear(acknowledge(story.life));
          break;
        case 3:
          hear(take_acknowledgement_back(story.life, story.now));
          break;
        default:
          hear(look_again({}, {}, story.life, held_back, story.now));
      }
      EXPECT_LE(story.life.turns.size(), FlapRule{}.turns) << seed;
      EXPECT_LE(story.life.escalations, EscalationRule{}.most) << seed;
      if (!story.life.is_flapping && story.life.state != AlertState::resolved) {
        EXPECT_EQ(story.life.state, story.life.condition) << seed << " at " << step;
      }
      if (story.life.is_flapping) {
        EXPECT_TRUE(story.life.look_at) << seed << ": nobody would ever see that it is calm";
      }
      if (story.life.state == AlertState::resolved) {
        EXPECT_EQ(open_at_receivers, 0) << seed << ": receivers would wait for ever";
        EXPECT_FALSE(story.life.look_at || story.life.is_flapping) << seed;
        story.life = life_after({}, story.life, story.now);
        story.life.severity = "warning";
      } else if (!story.life.is_open()) {
        const auto turns = story.life.turns;
        story.life = {.severity = "warning"};
        story.life.turns = turns;
      }
    }
  }
}

}  // namespace
}  // namespace argosy::server
