// What the server refuses for good, over each way, must not hold up the rest.
#include "agent/telemetry/telemetry_sender.hpp"

#include <set>

#include <gtest/gtest.h>

#include "common/crypto/digest.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

using test::TempFolder;

class Sender : public ::testing::TestWithParam<bool> {
 protected:
  Sender() {
    TelemetrySender::Ports ports;
    ports.mqtt_up = [] { return GetParam(); };
    ports.https_up = [] { return false; };
    ports.publish = [this](Bytes batch) {
      under_way = std::move(batch);
      return true;
    };
    ports.post = [this](Bytes batch) { under_way = std::move(batch); };
    ports.now = [this] { return now; };
    ports.clock_offset = [] { return std::optional<Duration>(-1500); };
    ports.log = [](const std::string&) {};
    sender.emplace("cam-7", outbox, CatchUp::Pace{}, 1, std::move(ports));
  }

  void append(int count) {
    for (int i = 0; i < count; ++i) {
      wire::HealthSample sample;
      sample.at = now;
      ASSERT_TRUE(outbox.append(sample, now));
    }
  }
  // Takes all or nothing of a batch, as one transaction does.
  void answer() {
    const Bytes bytes = *std::exchange(under_way, std::nullopt);
    const auto batch = wire::decode_telemetry(bytes).value();
    EXPECT_TRUE(batch.sent_at && *batch.sent_at <= now);
    EXPECT_EQ(batch.clock_offset, Duration{-1500});
    ++answers;
    for (const auto& record : batch.records)
      if (poison.contains(record.seq)) return refuse(bytes);
    for (const auto& record : batch.records) stored.insert(record.seq);
    sender->take_ack({batch.epoch, batch.records.back().seq, batch.chain.back(), {}});
  }
  void refuse(const Bytes& bytes) {
    if (GetParam()) return sender->take_refusal({sha256(bytes).to_hex().substr(0, 16), "out of bounds"});
    sender->post_refused(make_error(Errc::malformed_cbor, "out of bounds"));
  }
  void run_until_empty() {
    for (int turn = 0; outbox.records() > 0; ++turn) {
      ASSERT_LT(turn, 1000) << "the outbox is stuck at " << outbox.oldest();
      now += Duration{500};
      sender->pump();
      if (under_way) answer();
    }
  }

  const TempFolder folder;
  Instant now = instant_from_ms(1'767'225'600'000);
  Outbox outbox = Outbox::open(folder / "outbox.db", {}).value();
  std::optional<TelemetrySender> sender;
  std::optional<Bytes> under_way;
  std::set<std::uint64_t> poison, stored;
  int answers = 0;
};

TEST_P(Sender, TheRecordAtFaultIsSetAsideAndAllOthersGoOn) {
  append(200);
  poison = {1, 97, 98, 200};
  run_until_empty();
  EXPECT_EQ(stored.size(), 196u);
  EXPECT_EQ(outbox.refusals().records, 4u);
  EXPECT_EQ(outbox.refusals().newest, "out of bounds");
  EXPECT_LT(answers, 60) << "halving, not one by one";
}

TEST_P(Sender, AServerThatIsBusyRefusesNothing) {
  append(3);
  sender->pump();
  ASSERT_TRUE(under_way);
  if (!GetParam()) sender->post_failed(make_error(Errc::unavailable, "the database is away"), Duration{1000});
  now += Duration{400'000};
  run_until_empty();
  EXPECT_EQ(stored.size(), 3u);
  EXPECT_EQ(outbox.refusals().records, 0u);
}

TEST_P(Sender, ARefusalOfAnotherBatchChangesNothing) {
  append(1);
  sender->pump();
  sender->take_refusal({"0123456789abcdef", "not of this one"});
  EXPECT_EQ(outbox.records(), 1u);
  answer();
  EXPECT_EQ(outbox.records(), 0u);
}

TEST_P(Sender, ARefusalOfWhatIsAcknowledgedMeanwhileSetsNothingAside) {
  append(1);
  sender->pump();
  const Bytes first = *under_way;
  answer();
  append(1);
  refuse(first);
  EXPECT_EQ(outbox.records(), 1u);
  EXPECT_EQ(outbox.refusals().records, 0u);
}

INSTANTIATE_TEST_SUITE_P(Ways, Sender, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Mqtt" : "Https"; });

}  // namespace
}  // namespace argosy::agent
