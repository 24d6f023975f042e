#include "server/mqtt/mqtt_inbox.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

const SenderBudgets::Time start{1h};

// "NAME/KIND": the sender is NAME; topics without a kind belong to nobody.
std::optional<MqttTopicRule> rule_of(std::string_view topic) {
  const auto slash = topic.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  return MqttTopicRule{topic.substr(0, slash), 1000};
}

TEST(MqttInbox, GivesWhatCameInOrderAndOnce) {
  MqttInbox inbox({}, rule_of);
  EXPECT_TRUE(inbox.take("a/x", "1", true, start));
  EXPECT_TRUE(inbox.take("b/x", "2", false, start));
  const auto delivery = inbox.deliver();
  ASSERT_EQ(delivery.messages.size(), 2u);
  EXPECT_EQ(delivery.messages[0].payload, "1");
  EXPECT_TRUE(delivery.messages[0].retained);
  EXPECT_EQ(delivery.messages[1].topic, "b/x");
  EXPECT_TRUE(inbox.deliver().messages.empty());
  EXPECT_EQ(inbox.bytes(), 0u);
}

TEST(MqttInbox, CopiesNothingOfATopicThatIsNobodys) {
  MqttInbox inbox({}, rule_of);
  EXPECT_FALSE(inbox.take("invented", std::string(900, 'x'), true, start));
  EXPECT_EQ(inbox.counters().unknown_topic, 1u);
  EXPECT_EQ(inbox.bytes(), 0u);
}

TEST(MqttInbox, AFloodIsCutToItsBudgetAndPushesNobodyOut) {
  MqttInbox::Limits limits;
  limits.messages = 1000;
  limits.budgets.messages_burst = 50;
  limits.budgets.messages_per_s = 10;
  MqttInbox inbox(limits, rule_of);
  for (int i = 0; i < 100'000; ++i) inbox.take("loud/x", "flood", false, start);
  for (int i = 0; i < 500; ++i) EXPECT_TRUE(inbox.take("calm-" + std::to_string(i) + "/x", "state", false, start));
  auto delivery = inbox.deliver();
  EXPECT_EQ(delivery.messages.size(), 550u);
  ASSERT_EQ(delivery.refusals.size(), 1u);
  EXPECT_EQ(delivery.refusals[0].sender, "loud");
  EXPECT_EQ(delivery.refusals[0].over_budget, 99'950u);
  for (int i = 0; i < 100; ++i) inbox.take("loud/x", "flood", false, start + 1s);
  EXPECT_EQ(inbox.deliver().messages.size(), 10u);
}

TEST(MqttInbox, BytesAreABudgetToo) {
  MqttInbox::Limits limits;
  limits.budgets.bytes_burst = 2500;
  limits.budgets.bytes_per_s = 100;
  MqttInbox inbox(limits, rule_of);
  for (int i = 0; i < 10; ++i) inbox.take("loud/x", std::string(1000, 'x'), false, start);
  EXPECT_EQ(inbox.deliver().messages.size(), 2u);
  EXPECT_EQ(inbox.counters().over_budget, 8u);
}

TEST(MqttInbox, WhatTheBrokerKeptCostsNoBudgetButOneShare) {
  MqttInbox::Limits limits;
  limits.budgets.messages_burst = 1;
  limits.sender_bytes = 2500;
  MqttInbox inbox(limits, rule_of);
  for (int i = 0; i < 10; ++i) inbox.take("loud/x", std::string(1000, 'x'), true, start);
  EXPECT_EQ(inbox.deliver().messages.size(), 2u);
  EXPECT_EQ(inbox.counters().full, 8u);
}

TEST(MqttInbox, IsBoundedInBytesAndMessagesWhoeverSends) {
  MqttInbox::Limits limits;
  limits.bytes = 10'000;
  limits.messages = 15;
  MqttInbox inbox(limits, rule_of);
  for (int i = 0; i < 100; ++i) inbox.take("cam-" + std::to_string(i) + "/x", std::string(1000, 'x'), false, start);
  EXPECT_LE(inbox.bytes(), 10'000u);
  EXPECT_EQ(inbox.deliver().messages.size(), 9u);
  for (int i = 0; i < 100; ++i) inbox.take("cam-" + std::to_string(i) + "/x", "x", false, start);
  EXPECT_EQ(inbox.deliver().messages.size(), 15u);
}

TEST(MqttInbox, TellsWhoSentWhatIsTooLargeAndOfNoMoreThanSoMany) {
  MqttInbox::Limits limits;
  limits.refusals = 3;
  MqttInbox inbox(limits, rule_of);
  for (int i = 0; i < 10; ++i)
    EXPECT_TRUE(inbox.take("cam-" + std::to_string(i) + "/x", std::string(1001, 'x'), false, start));
  const auto delivery = inbox.deliver();
  EXPECT_TRUE(delivery.messages.empty());
  ASSERT_EQ(delivery.refusals.size(), 3u);
  EXPECT_EQ(delivery.refusals[0].too_large, 1u);
  EXPECT_EQ(inbox.counters().too_large, 10u);
}

}  // namespace
}  // namespace argosy::server
