#include "server/app/state_queue.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

const Instant now = instant_from_ms(1'790'000'000'000);

WaitingState state(const std::string& device, const std::string& document = "{}", bool alone = false,
                   Instant due = Instant{}) {
  return {device, document, {}, false, alone, due};
}

std::vector<std::string> devices(const std::vector<WaitingState>& batch) {
  std::vector<std::string> names;
  for (const auto& one : batch) names.push_back(one.device);
  return names;
}

TEST(StateQueue, KeepsTheNewestOfEachDevice) {
  StateQueue queue;
  queue.put(state("a", "old"));
  queue.put(state("b", "b"));
  queue.put(state("a", "newer"));
  EXPECT_EQ(queue.bytes(), 6u);
  const auto batch = queue.take(now);
  EXPECT_EQ(devices(batch), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(batch[0].document, "newer");
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.bytes(), 0u);
}

TEST(StateQueue, WhatComesBackYieldsToWhatIsNewer) {
  StateQueue queue;
  queue.put(state("a", "first"));
  auto taken = queue.take(now);
  queue.put(state("a", "second"));
  queue.put_back(std::move(taken[0]));
  EXPECT_EQ(queue.take(now).at(0).document, "second");
  queue.put_back(state("a", "first"));
  EXPECT_EQ(queue.take(now).at(0).document, "first");
}

TEST(StateQueue, ThoseAsideComeOneAtATimeAfterTheOthersAndWhenTheyAreDue) {
  StateQueue queue;
  queue.put(state("a", "{}", true));
  queue.put(state("b"));
  queue.put(state("c", "{}", true, now + 5s));
  EXPECT_EQ(devices(queue.take(now)), std::vector<std::string>{"b"});
  EXPECT_EQ(devices(queue.take(now)), std::vector<std::string>{"a"});
  EXPECT_TRUE(queue.take(now).empty());
  EXPECT_EQ(queue.next_due(), now + 5s);
  EXPECT_EQ(devices(queue.take(now + 5s)), std::vector<std::string>{"c"});
}

TEST(StateQueue, OneThatComesBackAsideLetsTheOthersGoFirst) {
  StateQueue queue;
  for (const auto* name : {"a", "b", "c"}) queue.put(state(name, "{}", true));
  EXPECT_EQ(devices(queue.take(now)), std::vector<std::string>{"a"});
  queue.put_back(state("a", "{}", true, now + 1s));
  EXPECT_EQ(devices(queue.take(now + 2s)), std::vector<std::string>{"b"});
  EXPECT_EQ(devices(queue.take(now + 2s)), std::vector<std::string>{"c"});
  EXPECT_EQ(devices(queue.take(now + 2s)), std::vector<std::string>{"a"});
}

TEST(StateQueue, NobodyStarvesBehindEarlierNames) {
  StateQueue::Limits limits;
  limits.batch = 2;
  StateQueue queue(limits);
  for (const auto* name : {"a", "b", "c"}) queue.put(state(name));
  EXPECT_EQ(devices(queue.take(now)), (std::vector<std::string>{"a", "b"}));
  queue.put(state("a"));
  queue.put(state("b"));
  EXPECT_EQ(devices(queue.take(now)), (std::vector<std::string>{"c", "a"}));
}

TEST(StateQueue, IsBoundedInBytesAndAsideInNumber) {
  StateQueue::Limits limits;
  limits.bytes = 1000;
  limits.aside = 2;
  StateQueue queue(limits);
  for (int i = 0; i < 100; ++i) queue.put(state("cam-" + std::to_string(i), std::string(100, 'x')));
  EXPECT_LE(queue.bytes(), 1000u);
  EXPECT_FALSE(queue.put(state("more", std::string(100, 'x'))));
  EXPECT_TRUE(queue.put(state("cam-0", std::string(100, 'y'))));  // in its own place
  queue.take(now);
  EXPECT_TRUE(queue.put(state("a", "{}", true)));
  EXPECT_TRUE(queue.put(state("b", "{}", true)));
  EXPECT_FALSE(queue.put(state("c", "{}", true)));
}

TEST(StateQueue, ABatchIsBoundedInBytes) {
  StateQueue::Limits limits;
  limits.batch_bytes = 250;
  StateQueue queue(limits);
  for (int i = 0; i < 10; ++i) queue.put(state("cam-" + std::to_string(i), std::string(100, 'x')));
  EXPECT_EQ(queue.take(now).size(), 3u);
}

}  // namespace
}  // namespace argosy::server
