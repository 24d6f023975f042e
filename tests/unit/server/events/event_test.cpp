#include "server/events/event.hpp"

#include <gtest/gtest.h>

#include "server/events/event_ring.hpp"

namespace argosy::server {
namespace {

Event event_at(std::uint64_t xact, std::int64_t id) {
  Event event;
  event.position = {xact, id};
  event.kind = "device.presence";
  event.severity = "info";
  event.device = "cam-7";
  event.message = "two\nlines";
  return event;
}

TEST(ServerSentEvents, OneEventIsOneRecordWithItsId) {
  EXPECT_EQ(to_sse(event_at(1, 42)),
            "event: event\nid: 42\ndata: {\"at\":\"1970-01-01T00:00:00.000Z\",\"details\":{},\"device_id\":\"cam-7\","
            "\"id\":42,\"kind\":\"device.presence\",\"message\":\"two\\nlines\",\"model\":null,\"rollout_id\":null,"
            "\"severity\":\"info\"}\n\n");
  EXPECT_EQ(hint_to_sse("device", "\"cam-7\""), "event: device\ndata: {\"id\":\"cam-7\"}\n\n");
}

TEST(Scope, NamesWhatTheScreenShows) {
  const auto scope = parse_scope("overview,device:cam-7,device:cam-8,rollout:3");
  ASSERT_TRUE(scope);
  EXPECT_TRUE(scope->overview);
  EXPECT_EQ(scope->devices, (std::set<std::string>{"cam-7", "cam-8"}));
  EXPECT_EQ(scope->rollouts, (std::set<std::int64_t>{3}));
  EXPECT_TRUE(parse_scope(""));
}

TEST(Scope, RefusesWhatItDoesNotKnowAndTooMuch) {
  for (const char* bad : {"devices", "device:", "device:a b", "rollout:x", "rollout:0", "rollout:3x"})
    EXPECT_EQ(parse_scope(bad).error().code, Errc::invalid_argument) << bad;
  std::string many;
  for (int i = 0; i <= 100; ++i) many += "device:d" + std::to_string(i) + ",";
  EXPECT_FALSE(parse_scope(many));
}

TEST(EventRing, GivesEachReaderWhatComesAfterHim) {
  EventRing ring(10, {5, 100});
  EXPECT_EQ(ring.after({5, 100}, 10)->text, "");
  ring.add(event_at(6, 101));
  ring.add(event_at(6, 103));
  ring.add(event_at(7, 102));
  const auto all = ring.after({5, 100}, 10);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->upto, (EventPosition{7, 102}));
  EXPECT_EQ(ring.after(all->upto, 10)->text, "");
  EXPECT_EQ(ring.after({6, 101}, 1)->upto, (EventPosition{6, 103}));
  EXPECT_EQ(ring.after({6, 101}, 10)->text, to_sse(event_at(6, 103)) + to_sse(event_at(7, 102)));
}

TEST(EventRing, SaysSoWhenItNoLongerReachesBack) {
  EventRing ring(3, {1, 1});
  EXPECT_FALSE(ring.after({1, 0}, 10)) << "before it began";
  for (std::uint64_t i = 2; i <= 6; ++i) ring.add(event_at(i, static_cast<std::int64_t>(i)));
  EXPECT_FALSE(ring.after({2, 2}, 10)) << "3 has left";
  ASSERT_TRUE(ring.after({3, 3}, 10));
  EXPECT_EQ(ring.after({3, 3}, 10)->upto, (EventPosition{6, 6}));
}

}  // namespace
}  // namespace argosy::server
