#include "server/notify/delivery.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

const Instant today = instant_from_ms(1'790'000'000'000);
const RetryPlan plan{.first = 5s, .most = 900s, .give_up_after = 48h};

SendOutcome failed() {
  SendOutcome outcome;
  outcome.error = "the receiver answered 500";
  return outcome;
}
Delivery waiting(std::int64_t attempts = 0) {
  Delivery delivery;
  delivery.attempts = attempts;
  delivery.waits_since = today;
  return delivery;
}

TEST(Retry, WaitsAtRandomUpToTwiceAsLongEachTimeAndNeverLongerThanTheCap) {
  Rng rng(7);
  for (std::int64_t attempt = 0; attempt < 40; ++attempt) {
    const auto most = std::min<Duration>(plan.most, Duration{5000} * (1LL << std::min<std::int64_t>(attempt, 20)));
    Duration longest{0}, shortest = most;
    for (int i = 0; i < 200; ++i) {
      const auto after = after_attempt(waiting(attempt), attempt, failed(), plan, today, rng);
      ASSERT_EQ(after.state, DeliveryState::waiting);
      longest = std::max(longest, *after.next - today);
      shortest = std::min(shortest, *after.next - today);
    }
    EXPECT_LE(longest, most);
    EXPECT_GT(longest, most * 8 / 10) << attempt;
    EXPECT_LT(shortest, most * 2 / 10) << attempt;
  }
}

TEST(Retry, EndsWhenTheTimeIsOver) {
  Rng rng(1);
  auto old = waiting(30);
  old.waits_since = today - 48h;
  EXPECT_EQ(after_attempt(old, 30, failed(), plan, today, rng).state, DeliveryState::given_up);
  EXPECT_EQ(after_attempt(waiting(most_attempts - 1), 0, failed(), plan, today, rng).state, DeliveryState::given_up);
}

TEST(Retry, ARouteRestsWithItsFailuresAndAMessageWithItsOwn) {
  Rng rng(3);
  Duration rest{0}, wait{0};
  for (int i = 0; i < 100; ++i) {
    const auto after = after_attempt(waiting(0), 10, failed(), plan, today, rng);
    rest = std::max(rest, *after.rests_until - today);
    wait = std::max(wait, *after.next - today);
  }
  EXPECT_GT(rest, 700s);
  EXPECT_LE(wait, 5s);
}

TEST(Retry, WaitsAsLongAsTheReceiverAsksButNotForEver) {
  Rng rng(1);
  SendOutcome busy = failed();
  busy.not_before = 120s;
  EXPECT_GE(*after_attempt(waiting(), 0, busy, plan, today, rng).next, today + 120s);
  busy.not_before = 24h;
  EXPECT_LE(*after_attempt(waiting(), 0, busy, plan, today, rng).next, today + 900s);
}

TEST(Retry, WhatIsRefusedForGoodAndATestAreNotTriedAgain) {
  Rng rng(1);
  SendOutcome refused = failed();
  refused.is_final = true;
  EXPECT_EQ(after_attempt(waiting(), 0, refused, plan, today, rng).state, DeliveryState::given_up);
  EXPECT_FALSE(after_attempt(waiting(), 0, refused, plan, today, rng).rests_until) << "the receiver is well";
  auto test = waiting();
  test.is_test = true;
  EXPECT_EQ(after_attempt(test, 0, failed(), plan, today, rng).state, DeliveryState::given_up);
  SendOutcome arrived;
  arrived.delivered = true;
  EXPECT_EQ(after_attempt(waiting(), 3, arrived, plan, today, rng).state, DeliveryState::delivered);
}

struct Planning : ::testing::Test {
  NoticeRoute route(std::int64_t id, std::int64_t group_wait_s) {
    NoticeRoute route;
    route.id = id;
    route.settings.group_wait_s = group_wait_s;
    return route;
  }
  ToldEvent dark(int device, const std::string& site, std::size_t message_bytes = 20) {
    ToldEvent told;
    told.event.kind = "alert.firing";
    told.event.severity = device == 7 ? "critical" : "warning";
    told.event.device = "cam-" + std::to_string(device);
    told.event.message = std::string(message_bytes, 'm');
    told.event.details_json = R"({"rule": "gone_dark", "alert": )" + std::to_string(device) + "}";
    told.site = site;
    return told;
  }
  std::vector<PlannedDelivery> planned(const NoticeRoute& to, const std::vector<ToldEvent>& events,
                                       const std::map<GroupKey, OpenGroup>& open = {}) {
    std::vector<WantedEvent> wanted;
    for (const ToldEvent& event : events) wanted.push_back({&to, &event});
    return plan_deliveries(wanted, open, today);
  }
};

TEST_F(Planning, ASiteOfThreeHundredDevicesIsOneMessage) {
  std::vector<ToldEvent> events;
  for (int i = 0; i < 300; ++i) events.push_back(dark(i, "berlin"));
  events.push_back(dark(300, "paris"));
  const auto messages = planned(route(1, 30), events);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0].events.size(), 300u);
  EXPECT_EQ(messages[0].severity, "critical") << "that of the worst";
  EXPECT_EQ(messages[0].due_at, today + 30s);
  EXPECT_EQ(messages[1].events.size(), 1u);
}

TEST_F(Planning, JoinsWhatStillGathersAndKeepsTheOrder) {
  const NoticeRoute to = route(1, 30);
  const std::map<GroupKey, OpenGroup> open{
      {{1, line_of(to.settings, dark(0, "berlin"))}, {44, most_events_of_one - 1, 1000}}};
  const auto messages = planned(to, {dark(1, "berlin"), dark(2, "berlin")}, open);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0].joins, 44);
  EXPECT_EQ(messages[0].events.size(), 1u) << "then it is full";
  EXPECT_FALSE(messages[1].joins);
  EXPECT_EQ(messages[1].line, messages[0].line);
}

TEST_F(Planning, NoMessageIsLargerThanItsBounds) {
  std::vector<ToldEvent> events;
  for (int i = 0; i < 40; ++i) events.push_back(dark(i, "berlin", 60'000));
  std::size_t count = 0;
  for (const auto& message : planned(route(1, 30), events)) {
    EXPECT_LE(message.bytes, most_bytes_of_one);
    count += message.events.size();
  }
  EXPECT_EQ(count, 40u);
}

TEST_F(Planning, WithoutAGroupWaitEachEventIsAMessageAtOnce) {
  const auto messages = planned(route(1, 0), {dark(1, "berlin"), dark(1, "berlin")});
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0].due_at, today);
}

}  // namespace
}  // namespace argosy::server
