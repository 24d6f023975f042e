// MQTT 3.1.1 as a client speaks it: the packets that a device sends, and a reader of those that it gets. Pure; one
// owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"

namespace argosy::fleet_load {

enum class PacketType : std::uint8_t { connack = 2, publish = 3, puback = 4, suback = 9, pingresp = 13 };

struct Packet {  // its body lies in the reader until more is given to it
  PacketType type{};
  std::uint8_t flags = 0;
  ByteView body;
};

// What came, in pieces of any size. Bounded by one packet and what came behind it.
class PacketReader {
 public:
  static constexpr std::size_t packet_limit = (1U << 20) + 1024;  // a desired document and its topic

  void append(ByteView piece);  // ends the life of earlier packets
  // The next whole packet; none: more has to come. Errc::invalid_argument for what no broker sends; then the connection
  // is of no use any more.
  Result<std::optional<Packet>> next();
  void clear();

 private:
  Bytes buffer_;
  std::size_t begin_ = 0;
};

struct Message {
  std::string_view topic;
  std::string_view payload;
  std::optional<std::uint16_t> id;  // to be acknowledged
};

// Of packets of these types; Errc::invalid_argument otherwise.
Result<std::uint8_t> connack_code(const Packet& packet);  // 0: accepted
Result<Message> read_message(const Packet& packet);
Result<std::size_t> refused_subscriptions(const Packet& suback);  // how many of those that were asked for

struct Connect {
  std::string client_id;
  std::string user;  // empty: the certificate tells
  std::string will_topic;
  std::string will;
  std::uint16_t keep_alive_s = 30;
};

// Each appends one packet. A clean session; wills, messages and subscriptions of QoS 1, but for write_send's.
void write_connect(Bytes& out, const Connect& connect);
void write_publish(Bytes& out, std::string_view topic, ByteView payload, std::uint16_t id, bool retain);
void write_send(Bytes& out, std::string_view topic, ByteView payload);  // QoS 0
void write_puback(Bytes& out, std::uint16_t id);
void write_subscribe(Bytes& out, const std::vector<std::string>& topics, std::uint16_t id);
void write_ping(Bytes& out);
void write_disconnect(Bytes& out);

}  // namespace argosy::fleet_load
