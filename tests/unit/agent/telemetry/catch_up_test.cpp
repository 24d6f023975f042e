// A device that comes back after two weeks, in simulated time: the real outbox and sender against a server that stores
// by the protocol's rule, and now and then does not answer.
#include <deque>
#include <map>

#include <gtest/gtest.h>
#include <unistd.h>

#include "agent/telemetry/telemetry_sender.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

using namespace std::chrono_literals;
using test::TempFolder;

const Instant left = instant_from_ms(1'700'000'000'000);
constexpr Duration fortnight = 24h * 14;
constexpr Duration sample_interval = 5min;
constexpr Duration tick = 500ms;
constexpr auto fortnight_samples = static_cast<std::uint64_t>(fortnight / sample_interval);

wire::HealthSample sample_of(Instant at) {
  wire::HealthSample sample;
  sample.at = at;
  sample.cpu_percent = 12.5;
  return sample;
}

// docs/protocol.md, "Exactly-once telemetry".
class Server {
 public:
  struct Stored {
    std::uint64_t seq;
    Instant at;        // of the sample
    Instant taken_at;  // by the server
  };
  wire::TelemetryAck take(const Bytes& encoded, Instant now) {
    const auto batch = wire::decode_telemetry(encoded).value();
    std::uint64_t& cursor = cursors_[batch.epoch];
    for (const auto& record : batch.records) {
      const std::uint64_t next = std::max(cursor + 1, batch.oldest);
      if (record.seq != next) continue;
      lost += next - cursor - 1;
      cursor = next;
      stored.push_back({record.seq, std::get<wire::HealthSample>(record.content).at, now});
    }
    return {batch.epoch, cursor};
  }
  std::vector<Stored> stored;
  std::uint64_t lost = 0;

 private:
  std::map<std::string, std::uint64_t> cursors_;
};

class Device {
 public:
  explicit Device(Outbox::Limits limits = {}, CatchUp::Pace pace = {}, std::uint64_t seed = 1)
      : limits_(limits), pace_(pace), seed_(seed) {
    start();
  }

  void append(Instant at) { ASSERT_TRUE(outbox_->append(sample_of(at), at)); }
  void was_away(Duration away) {
    for (Duration at{0}; at < away; at += sample_interval) append(now + at);
    now += away;
  }
  void restart() { start(); }  // power gone and back: what was not in the outbox is forgotten
  void turn() {
    now += tick;
    sender_->pump();
    if (posted.empty()) return;
    const Bytes batch = std::move(posted.front());
    posted.pop_front();
    answer(batch);
  }
  void run_until_empty(Duration longest) {
    for (const Instant end = now + longest; now < end && outbox_->records() > 0;) turn();
  }

  Instant now = left;
  Server server;
  std::function<void(const Bytes&)> answer = [this](const Bytes& batch) { acknowledge(batch); };
  bool mqtt_up = false;
  bool https_up = true;
  std::vector<std::pair<Instant, std::size_t>> posts;  // when, and how many bytes
  std::vector<std::pair<Instant, std::size_t>> publishes;
  std::deque<Bytes> posted;

  void acknowledge(const Bytes& batch) { sender_->take_ack(server.take(batch, now)); }
  Outbox& outbox() { return *outbox_; }
  TelemetrySender& sender() { return *sender_; }

 private:
  void start() {
    sender_.reset();
    outbox_.reset();
    posted.clear();
    outbox_ = std::make_unique<Outbox>(Outbox::open(folder_ / "outbox.db", limits_).value());
    sender_ = std::make_unique<TelemetrySender>("cam-7", *outbox_, pace_, ++seed_, ports());
  }
  TelemetrySender::Ports ports() {
    TelemetrySender::Ports ports;
    ports.mqtt_up = [this] { return mqtt_up; };
    ports.https_up = [this] { return https_up; };
    ports.publish = [this](const Bytes& batch) {
      publishes.emplace_back(now, batch.size());
      posted.push_back(batch);
      return true;
    };
    ports.post = [this](const Bytes& batch) {
      posts.emplace_back(now, batch.size());
      posted.push_back(batch);
    };
    ports.now = [this] { return now; };
    ports.clock_offset = [] { return std::optional<Duration>(); };
    ports.log = [](const std::string&) {};
    return ports;
  }

  // In memory where that can be: a fortnight of samples is synced in seconds.
  static std::filesystem::path quick_folder() {
    return ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : std::filesystem::temp_directory_path();
  }

  TempFolder folder_{quick_folder()};
  Outbox::Limits limits_;
  CatchUp::Pace pace_;
  std::uint64_t seed_;
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<TelemetrySender> sender_;
};

// Everything that was appended, once and in order.
void expect_whole(const Server& server, std::uint64_t samples) {
  ASSERT_EQ(server.stored.size(), samples);
  for (std::size_t i = 0; i < server.stored.size(); ++i) {
    ASSERT_EQ(server.stored[i].seq, i + 1);
    if (i == 0) continue;
    ASSERT_LT(server.stored[i - 1].at, server.stored[i].at);
  }
  EXPECT_EQ(server.lost, 0u);
}

TEST(CatchUpAfterAFortnight, EverythingArrivesOnceInOrderAndNoFasterThanItsPace) {
  const CatchUp::Pace pace{40, 64 << 10};
  Device device({}, pace);
  device.was_away(fortnight);
  const Instant back = device.now;
  EXPECT_TRUE(device.sender().has_backlog());
  device.run_until_empty(1h);
  expect_whole(device.server, fortnight_samples);
  const double seconds = static_cast<double>((device.now - back).count()) / 1000;
  EXPECT_GE(seconds, fortnight_samples / pace.records_per_s - CatchUp::bulk.records / pace.records_per_s);
  EXPECT_LE(seconds, 60 + 2.1 * fortnight_samples / pace.records_per_s);
  for (std::size_t i = 1; i < device.posts.size(); ++i) {
    const auto apart = device.posts[i].first - device.posts[i - 1].first;
    EXPECT_GE(static_cast<double>(apart.count()) / 1000 * pace.bytes_per_s,
              static_cast<double>(device.posts[i - 1].second));
  }
  EXPECT_FALSE(device.sender().has_backlog());
  device.append(device.now);
  device.turn();
  EXPECT_EQ(device.outbox().records(), 0u);  // what is new leaves at once again
}

TEST(CatchUpAfterAFortnight, ThePaceHoldsForRecordsToo) {
  const CatchUp::Pace pace{10, 1 << 30};
  Device device({}, pace);
  device.was_away(fortnight);
  const Instant back = device.now;
  device.run_until_empty(2h);
  expect_whole(device.server, fortnight_samples);
  for (const auto& each : device.server.stored) {
    const double allowed =
        CatchUp::bulk.records + pace.records_per_s * static_cast<double>((each.taken_at - back).count()) / 1000;
    ASSERT_LE(static_cast<double>(each.seq), allowed);
  }
}

TEST(CatchUpAfterAFortnight, NewSamplesWaitTheirTurnAndAreNotLost) {
  Device device;
  device.was_away(fortnight);
  std::uint64_t appended = fortnight_samples;
  Instant next = device.now;
  while (device.outbox().records() > 0) {
    if (device.now >= next) {
      device.append(device.now);
      next += 60s;
      ++appended;
    }
    device.turn();
    ASSERT_LT(device.now - left, fortnight + 2h);
  }
  expect_whole(device.server, appended);
}

TEST(CatchUpAfterAFortnight, APowerCutAtAnyMomentNeitherLosesNorDoubles) {
  Device device;
  device.was_away(fortnight);
  Rng moments(11);
  // The server stores and its answer is lost, the power goes before the batch arrives, or all goes well.
  device.answer = [&](const Bytes& batch) {
    const auto fate = moments.below(4);
    if (fate == 0) return device.restart();
    if (fate == 1) {
      device.server.take(batch, device.now);
      return device.restart();
    }
    device.acknowledge(batch);
    if (fate == 2) device.restart();
  };
  device.run_until_empty(4h);
  expect_whole(device.server, fortnight_samples);
}

TEST(CatchUpAfterAFortnight, AnswersThatAreLostOnTheWayDoNoHarm) {
  Device device;
  device.was_away(fortnight);
  Rng fates(12);
  device.answer = [&](const Bytes& batch) {
    if (fates.chance(0.3)) return device.sender().post_failed(make_error(Errc::timeout, "no answer"), std::nullopt);
    const auto ack = device.server.take(batch, device.now);
    if (fates.chance(0.3)) return device.sender().post_failed(make_error(Errc::unavailable, "cut"), std::nullopt);
    device.sender().take_ack(ack);
  };
  device.run_until_empty(4h);
  expect_whole(device.server, fortnight_samples);
}

TEST(CatchUpAfterAFortnight, WhatDidNotFitIsTheOldestAndTheServerIsTold) {
  Outbox::Limits limits;
  limits.max_bytes = 40'000;
  Device device(limits);
  device.was_away(fortnight);
  const std::uint64_t dropped = device.outbox().dropped();
  EXPECT_GT(dropped, 0u);
  EXPECT_LE(device.outbox().bytes(), limits.max_bytes + 100);
  device.run_until_empty(1h);
  EXPECT_EQ(device.server.lost, dropped);
  EXPECT_EQ(device.server.stored.size() + dropped, fortnight_samples);
  EXPECT_EQ(device.server.stored.back().at, left + fortnight - sample_interval);
}

TEST(CatchUpAfterAFortnight, WhatIsTooOldIsDroppedAndTheServerIsTold) {
  Outbox::Limits limits;
  limits.max_age = 24h;
  Device device(limits);
  device.was_away(fortnight);
  const std::uint64_t dropped = device.outbox().dropped();
  device.run_until_empty(1h);
  EXPECT_EQ(device.server.lost, dropped);
  EXPECT_GE(device.server.stored.front().at, left + fortnight - limits.max_age - sample_interval);
}

TEST(CatchUp, AServerThatAsksToWaitIsLeftAloneSoLong) {
  Device device;
  device.was_away(24h);
  device.answer = [&](const Bytes&) { device.sender().post_failed(make_error(Errc::rate_limited, "later"), 120s); };
  while (device.posts.empty()) device.turn();
  const Instant refused = device.now;
  while (device.posts.size() < 2) device.turn();
  EXPECT_GE(device.now - refused, 120s);
  EXPECT_LE(device.now - refused, 120s + Delivery::retry_base + tick);
}

TEST(CatchUp, DevicesThatComeBackTogetherBeginAtMomentsOfTheirOwn) {
  std::map<std::int64_t, int> begun;  // by second
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    CatchUp catch_up({}, seed);
    Instant now = left;
    while (!catch_up.next(now, {40'000, 16 << 20}, 0)) now += tick;
    ++begun[(now - left) / 1s];
  }
  EXPECT_GE(begun.size(), 55u);
  for (const auto& [second, devices] : begun) EXPECT_LE(devices, 40) << "in second " << second;
}

TEST(CatchUp, ABacklogGoesOverHttpsThoughMqttIsUp) {
  Device device;
  device.mqtt_up = true;
  device.was_away(24h);
  device.run_until_empty(1h);
  expect_whole(device.server, 288);
  EXPECT_EQ(device.posts.size(), 1u);
  device.append(device.now);
  device.run_until_empty(60s);
  EXPECT_EQ(device.publishes.size(), 1u);
}

TEST(CatchUp, WithoutHttpsABacklogGoesOverMqtt) {
  Device device;
  device.mqtt_up = true;
  device.https_up = false;
  device.was_away(24h);
  device.run_until_empty(1h);
  expect_whole(device.server, 288);
  EXPECT_TRUE(device.posts.empty());
}

TEST(CatchUp, AConnectionThatComesAndGoesDoesNotQuickenIt) {
  Device device;
  device.was_away(fortnight);
  for (int i = 0; i < 240; ++i) {
    device.mqtt_up = !device.mqtt_up;
    device.sender().link_changed();
    device.turn();
  }
  EXPECT_LE(device.server.stored.size(), CatchUp::bulk.records + 120 * 40);
}

TEST(CatchUp, ABatchThatALinkCannotCarryIsTriedSmaller) {
  CatchUp catch_up({}, 1);
  Instant now = left + 1h;
  const CatchUp::Amount waiting{40'000, 16 << 20};
  while (!catch_up.next(now, waiting, 0)) now += tick;
  EXPECT_EQ(catch_up.next(now, waiting, 0)->bytes, CatchUp::bulk.bytes);
  EXPECT_EQ(catch_up.next(now, waiting, 2)->bytes, CatchUp::bulk.bytes / 4);
  EXPECT_EQ(catch_up.next(now, waiting, 50)->bytes, 16u << 10);
}

TEST(CatchUp, AClockThatIsSetBackHoldsNothingUp) {
  CatchUp catch_up({}, 1);
  const CatchUp::Amount waiting{40'000, 16 << 20};
  catch_up.next(left, waiting, 0);
  catch_up.sent(left, CatchUp::bulk);
  EXPECT_FALSE(catch_up.next(left, waiting, 0));
  EXPECT_TRUE(catch_up.next(left - 24h, waiting, 0));
}

}  // namespace
}  // namespace argosy::agent
