#include "tests/bench/fleet_load/mqtt_packets.hpp"

#include <optional>

#include <gtest/gtest.h>

#include "common/base/random.hpp"

namespace argosy::fleet_load {
namespace {

Bytes broker_publish(std::string_view topic, std::string_view payload, std::uint16_t id) {
  Bytes out;
  write_publish(out, topic, as_bytes(payload), id, false);
  return out;
}

// What is left to read of one packet, all given at once.
Result<std::optional<Packet>> read_one(const Bytes& bytes) {
  static PacketReader reader;
  reader.clear();
  reader.append(bytes);
  return reader.next();
}

TEST(MqttPackets, ConnectIsAsTheStandardHasIt) {
  Bytes out;
  write_connect(out, {"cam-1", "", "", "", 30});
  EXPECT_EQ(to_hex(out),
            "1011"
            "00044d5154540402001e"
            "000563616d2d31");
}

TEST(MqttPackets, ConnectTellsUserAndWill) {
  Bytes out;
  write_connect(out, {"a", "u", "t", "w", 60});
  EXPECT_EQ(to_hex(out),
            "1016"
            "00044d515454048e003c"
            "000161"
            "000174"
            "000177"
            "000175");
}

TEST(MqttPackets, PublishSubscribeAndTheShortOnes) {
  Bytes out;
  write_publish(out, "t", as_bytes("xy"), 7, true);
  EXPECT_EQ(to_hex(out),
            "3307"
            "000174"
            "0007"
            "7879");
  out.clear();
  write_send(out, "t", as_bytes("xy"));
  EXPECT_EQ(to_hex(out), "30050001747879");
  out.clear();
  write_subscribe(out, {"a", "b"}, 258);
  EXPECT_EQ(to_hex(out),
            "820a"
            "0102"
            "00016101"
            "00016201");
  out.clear();
  write_puback(out, 513);
  write_ping(out);
  write_disconnect(out);
  EXPECT_EQ(to_hex(out),
            "40020201"
            "c000"
            "e000");
}

TEST(MqttPackets, LongPacketsHaveLongLengths) {
  Bytes out;
  write_publish(out, "t", Bytes(20'000, 1), 1, false);
  EXPECT_EQ(to_hex(ByteView(out).first(4)), "32a59c01");
  EXPECT_EQ(out.size(), 4U + 3 + 2 + 20'000);
}

TEST(MqttPackets, ReadsWhatComesInAnyPieces) {
  Bytes stream;
  for (int i = 1; i <= 40; ++i) {
    const Bytes one = broker_publish("argosy/v1/cam-1/down/ack", std::string(static_cast<std::size_t>(i) * 9, 'x'),
                                     static_cast<std::uint16_t>(i));
    stream.insert(stream.end(), one.begin(), one.end());
    write_puback(stream, static_cast<std::uint16_t>(i));
  }
  Rng rng(3);
  for (int round = 0; round < 200; ++round) {
    PacketReader reader;
    std::size_t given = 0;
    std::size_t messages = 0;
    std::size_t acks = 0;
    while (given < stream.size()) {
      const auto size = std::min<std::size_t>(stream.size() - given, 1 + rng.below(round % 2 == 0 ? 3 : 400));
      reader.append(ByteView(stream).subspan(given, size));
      given += size;
      for (;;) {
        const auto packet = reader.next();
        ASSERT_TRUE(packet);
        if (!*packet) break;
        if ((*packet)->type == PacketType::puback) ++acks;
        if ((*packet)->type != PacketType::publish) continue;
        const auto message = read_message(**packet);
        ASSERT_TRUE(message);
        ++messages;
        EXPECT_EQ(message->topic, "argosy/v1/cam-1/down/ack");
        EXPECT_EQ(message->id, messages);
        EXPECT_EQ(message->payload.size(), messages * 9);
      }
    }
    EXPECT_EQ(messages, 40U);
    EXPECT_EQ(acks, 40U);
  }
}

TEST(MqttPackets, RefusesWhatNoBrokerSends) {
  const Bytes impossible[] = {
      {0x10, 0x00},                          // a CONNECT
      {0x00, 0x00},                          // no type
      {0x41, 0x02, 0x00, 0x01},              // flags
      {0x40, 0x01, 0x00},                    // a short PUBACK
      {0x20, 0x03, 0x00, 0x00, 0x00},        // a long CONNACK
      {0x90, 0x02, 0x00, 0x01},              // a SUBACK of nothing
      {0xD0, 0x01, 0x00},                    // a PINGRESP that says something
      {0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01},  // a length of five bytes
      {0x30, 0xFF, 0xFF, 0xFF, 0x7F},        // 256 MiB
  };
  for (const Bytes& bytes : impossible) {
    const auto packet = read_one(bytes);
    ASSERT_FALSE(packet) << to_hex(bytes);
    EXPECT_EQ(packet.error().code, Errc::invalid_argument);
  }
}

TEST(MqttPackets, RefusesMessagesThatDoNotFit) {
  const Bytes impossible[] = {
      {0x32, 0x01, 0x00},                         // no topic
      {0x32, 0x03, 0x00, 0x05, 'a'},              // a topic longer than the packet
      {0x32, 0x03, 0x00, 0x01, 'a'},              // no number
      {0x32, 0x05, 0x00, 0x01, 'a', 0x00, 0x00},  // the number 0
      {0x34, 0x05, 0x00, 0x01, 'a', 0x00, 0x01},  // QoS 2
      {0x32, 0x04, 0x00, 0x00, 0x00, 0x01},       // an empty topic
  };
  for (const Bytes& bytes : impossible) {
    const auto packet = read_one(bytes);
    ASSERT_TRUE(packet && *packet) << to_hex(bytes);
    EXPECT_FALSE(read_message(**packet)) << to_hex(bytes);
  }
}

TEST(MqttPackets, WaitsForTheRestOfAPacket) {
  const Bytes whole = broker_publish("t", std::string(300, 'x'), 9);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto packet = read_one(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    ASSERT_TRUE(packet);
    EXPECT_FALSE(*packet) << size;
  }
}

TEST(MqttPackets, NoBytesAreTooWildToRead) {
  Rng rng(11);
  for (int round = 0; round < 3000; ++round) {
    PacketReader reader;
    Bytes noise(rng.below(60));
    for (auto& byte : noise) byte = static_cast<std::uint8_t>(rng());
    reader.append(noise);
    for (;;) {
      const auto packet = reader.next();
      if (!packet || !*packet) break;
      (void)read_message(**packet);
      (void)refused_subscriptions(**packet);
      (void)connack_code(**packet);
    }
  }
}

TEST(MqttPackets, TellsWhatTheBrokerGranted) {
  const auto suback = read_one({0x90, 0x05, 0x00, 0x01, 0x01, 0x80, 0x01});
  EXPECT_EQ(refused_subscriptions(**suback).value(), 1U);
  const auto connack = read_one({0x20, 0x02, 0x00, 0x05});
  EXPECT_EQ(connack_code(**connack).value(), 5);
}

}  // namespace
}  // namespace argosy::fleet_load
