#include "tests/bench/fleet_load/mqtt_packets.hpp"

#include <algorithm>

namespace argosy::fleet_load {

namespace {

constexpr std::size_t longest_length = 4;  // bytes that say how long a packet is
constexpr std::uint8_t qos_1 = 0x02;
constexpr std::uint8_t retained = 0x01;

Error malformed(const std::string& what) {
  return make_error(Errc::invalid_argument, "the broker sent what is not MQTT 3.1.1: " + what);
}

// Writing -------------------------------------------------------------------------------------------------------------

void put_16(Bytes& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

void put_text(Bytes& out, std::string_view text) {
  put_16(out, text.size());
  out.insert(out.end(), text.begin(), text.end());
}

void put_head(Bytes& out, std::uint8_t first, std::size_t length) {
  out.push_back(first);
  do {
    const auto low = static_cast<std::uint8_t>(length & 0x7F);
    length >>= 7;
    out.push_back(length > 0 ? low | 0x80 : low);
  } while (length > 0);
}

std::size_t text_size(std::string_view text) {
  return 2 + text.size();
}

// Reading -------------------------------------------------------------------------------------------------------------

bool is_known(std::uint8_t type) {
  constexpr PacketType known[] = {PacketType::connack, PacketType::publish, PacketType::puback, PacketType::suback,
                                  PacketType::pingresp};
  return std::any_of(std::begin(known), std::end(known),
                     [type](PacketType each) { return static_cast<std::uint8_t>(each) == type; });
}

std::uint16_t read_16(ByteView bytes) {
  return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
}

Result<void> check_shape(const Packet& packet) {
  const bool is_publish = packet.type == PacketType::publish;
  if (!is_publish && packet.flags != 0) return malformed("flags where there are none");
  const std::size_t size = packet.body.size();
  if (packet.type == PacketType::pingresp && size != 0) return malformed("a PINGRESP with a body");
  if ((packet.type == PacketType::puback || packet.type == PacketType::connack) && size != 2)
    return malformed("a CONNACK or PUBACK of " + std::to_string(size) + " bytes");
  if (packet.type == PacketType::suback && size < 3) return malformed("a SUBACK without an answer");
  return {};
}

}  // namespace

void PacketReader::append(ByteView piece) {
  if (begin_ == buffer_.size()) {
    buffer_.clear();
    begin_ = 0;
  }
  if (begin_ > 0 && buffer_.size() + piece.size() > buffer_.capacity()) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(begin_));
    begin_ = 0;
  }
  buffer_.insert(buffer_.end(), piece.begin(), piece.end());
}

Result<std::optional<Packet>> PacketReader::next() {
  const ByteView rest = ByteView(buffer_).subspan(begin_);
  const std::optional<Packet> none;
  if (rest.empty()) return none;
  if (!is_known(rest[0] >> 4)) return malformed("a packet of type " + std::to_string(rest[0] >> 4));
  std::size_t length = 0;
  std::size_t head = 1;
  for (;; ++head) {
    if (head > longest_length) return malformed("a length of more than four bytes");
    if (head >= rest.size()) return none;
    length |= static_cast<std::size_t>(rest[head] & 0x7F) << 7 * (head - 1);
    if ((rest[head] & 0x80) == 0) break;
  }
  ++head;
  if (length > packet_limit) return malformed("a packet of " + std::to_string(length) + " bytes");
  if (rest.size() - head < length) return none;
  const Packet packet{static_cast<PacketType>(rest[0] >> 4), static_cast<std::uint8_t>(rest[0] & 0x0F),
                      rest.subspan(head, length)};
  ARGOSY_CHECK(check_shape(packet));
  begin_ += head + length;
  return std::optional(packet);
}

void PacketReader::clear() {
  buffer_.clear();
  begin_ = 0;
}

Result<std::uint8_t> connack_code(const Packet& packet) {
  if (packet.type != PacketType::connack) return malformed("no CONNACK");
  return packet.body[1];
}

Result<Message> read_message(const Packet& packet) {
  if (packet.type != PacketType::publish) return malformed("no PUBLISH");
  const auto qos = packet.flags >> 1 & 3;
  if (qos > 1) return malformed("a PUBLISH of QoS " + std::to_string(qos) + ", which nobody asked for");
  ByteView body = packet.body;
  if (body.size() < 2) return malformed("a PUBLISH without a topic");
  const std::size_t topic_size = read_16(body);
  const std::size_t head = 2 + topic_size + (qos > 0 ? 2 : 0);
  if (topic_size == 0 || body.size() < head) return malformed("a PUBLISH whose topic does not fit");
  Message message;
  message.topic = as_text(body.subspan(2, topic_size));
  if (qos > 0) message.id = read_16(body.subspan(2 + topic_size));
  if (message.id == 0) return malformed("a PUBLISH with the number 0");
  message.payload = as_text(body.subspan(head));
  return message;
}

Result<std::size_t> refused_subscriptions(const Packet& suback) {
  if (suback.type != PacketType::suback) return malformed("no SUBACK");
  return static_cast<std::size_t>(
      std::count_if(suback.body.begin() + 2, suback.body.end(), [](std::uint8_t granted) { return granted > 2; }));
}

void write_connect(Bytes& out, const Connect& connect) {
  const bool has_will = !connect.will_topic.empty();
  const bool has_user = !connect.user.empty();
  std::size_t size = 10 + text_size(connect.client_id);
  if (has_will) size += text_size(connect.will_topic) + text_size(connect.will);
  if (has_user) size += text_size(connect.user);
  put_head(out, 0x10, size);
  put_text(out, "MQTT");
  out.push_back(4);
  out.push_back(static_cast<std::uint8_t>(0x02 | (has_will ? 0x0C : 0) | (has_user ? 0x80 : 0)));
  put_16(out, connect.keep_alive_s);
  put_text(out, connect.client_id);
  if (has_will) put_text(out, connect.will_topic);
  if (has_will) put_text(out, connect.will);
  if (has_user) put_text(out, connect.user);
}

void write_publish(Bytes& out, std::string_view topic, ByteView payload, std::uint16_t id, bool retain) {
  put_head(out, static_cast<std::uint8_t>(0x30 | qos_1 | (retain ? retained : 0)),
           text_size(topic) + 2 + payload.size());
  put_text(out, topic);
  put_16(out, id);
  out.insert(out.end(), payload.begin(), payload.end());
}

void write_send(Bytes& out, std::string_view topic, ByteView payload) {
  put_head(out, 0x30, text_size(topic) + payload.size());
  put_text(out, topic);
  out.insert(out.end(), payload.begin(), payload.end());
}

void write_puback(Bytes& out, std::uint16_t id) {
  put_head(out, 0x40, 2);
  put_16(out, id);
}

void write_subscribe(Bytes& out, const std::vector<std::string>& topics, std::uint16_t id) {
  std::size_t size = 2;
  for (const std::string& topic : topics) size += text_size(topic) + 1;
  put_head(out, 0x82, size);
  put_16(out, id);
  for (const std::string& topic : topics) {
    put_text(out, topic);
    out.push_back(1);
  }
}

void write_ping(Bytes& out) {
  put_head(out, 0xC0, 0);
}

void write_disconnect(Bytes& out) {
  put_head(out, 0xE0, 0);
}

}  // namespace argosy::fleet_load
