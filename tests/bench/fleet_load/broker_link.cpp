#include "tests/bench/fleet_load/broker_link.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <boost/asio/post.hpp>

namespace argosy::fleet_load {

namespace {

using boost::system::error_code;

constexpr std::size_t topics_in_packet = 200;

std::string refusal_text(std::uint8_t code) {
  constexpr std::string_view reasons[] = {"",
                                          "another version of MQTT is asked for",
                                          "the client's name is refused",
                                          "the broker is not available",
                                          "user or password are refused",
                                          "not allowed"};
  const std::string_view reason = code < std::size(reasons) ? reasons[code] : "";
  return "the broker refuses the connection (code " + std::to_string(code) + "): " + std::string(reason);
}

}  // namespace

template <class F>
auto BrokerLink::while_open(F f) {
  return [this, life = life_, f = std::move(f)](auto&&... arguments) {
    if (life == life_ && is_open()) f(std::forward<decltype(arguments)>(arguments)...);
  };
}

void BrokerLink::open(std::shared_ptr<ByteStream> stream, const boost::asio::ip::tcp::endpoint& to,
                      const Connect& connect, std::vector<std::string> topics) {
  close();
  ++life_;
  stream_ = std::move(stream);
  topics_ = std::move(topics);
  phase_ = Phase::connecting;
  stream_->connect(to, while_open([this, connect](error_code failed) {
                     if (failed) return fail("cannot connect: " + failed.message());
                     begin_session(connect);
                   }));
}

void BrokerLink::begin_session(const Connect& connect) {
  phase_ = Phase::greeting;
  write_connect(stream_->out(), connect);
  stream_->flush();
  stream_->hear(while_open([this](error_code failed, ByteView bytes) {
    if (failed) return fail("the connection broke: " + failed.message());
    take_bytes(bytes);
  }));
}

void BrokerLink::take_bytes(ByteView bytes) {
  const std::uint64_t life = life_;
  reader_.append(bytes);
  while (life == life_ && is_open()) {
    const auto packet = reader_.next();
    if (!packet) return fail(packet.error().message);
    if (!*packet) return;
    const auto taken = take_packet(**packet);
    if (!taken) return fail(taken.error().message);
  }
}

Result<void> BrokerLink::take_packet(const Packet& packet) {
  if (phase_ == Phase::greeting) return take_connack(packet);
  switch (packet.type) {
    case PacketType::publish:
      return take_message(packet);
    case PacketType::suback:
      return take_suback(packet);
    case PacketType::pingresp:
      ping_is_open_ = false;
      return {};
    case PacketType::puback:
      return {};  // the broker has it; what counts is the server's answer
    case PacketType::connack:
      break;
  }
  return make_error(Errc::invalid_argument, "the broker accepts a connection twice");
}

Result<void> BrokerLink::take_connack(const Packet& packet) {
  ARGOSY_TRY(const auto code, connack_code(packet));
  if (code == 0) {
    phase_ = Phase::subscribing;
    subscribe();
    return {};
  }
  owner_.link_refused(number_, refusal_text(code));
  return make_error(Errc::unauthenticated, refusal_text(code));
}

void BrokerLink::subscribe() {
  subacks_awaited_ = 0;
  for (std::size_t first = 0; first < topics_.size(); first += topics_in_packet) {
    const auto begin = topics_.begin() + static_cast<std::ptrdiff_t>(first);
    const auto count = std::min(topics_in_packet, topics_.size() - first);
    write_subscribe(stream_->out(), {begin, begin + static_cast<std::ptrdiff_t>(count)}, next_id());
    ++subacks_awaited_;
  }
  topics_ = {};
  flush_soon();
}

Result<void> BrokerLink::take_suback(const Packet& packet) {
  ARGOSY_TRY(const auto refused, refused_subscriptions(packet));
  if (refused > 0) owner_.subscriptions_refused(refused);
  if (phase_ != Phase::subscribing || --subacks_awaited_ > 0) return {};
  phase_ = Phase::up;
  owner_.link_up(number_);
  return {};
}

Result<void> BrokerLink::take_message(const Packet& packet) {
  ARGOSY_TRY(const Message message, read_message(packet));
  if (message.id) {
    write_puback(stream_->out(), *message.id);
    if (!std::exchange(puback_waits_, true)) owner_.puback_waits(number_);
  }
  owner_.message_came(number_, message.topic, message.payload);
  return {};
}

void BrokerLink::publish(std::string_view topic, ByteView payload, bool retain) {
  write_publish(stream_->out(), topic, payload, next_id(), retain);
  has_sent_ = true;
  flush_soon();
}

void BrokerLink::send(std::string_view topic, ByteView payload) {
  write_send(stream_->out(), topic, payload);
  has_sent_ = true;
  flush_soon();
}

std::uint16_t BrokerLink::next_id() {
  if (++last_id_ == 0) ++last_id_;
  return last_id_;
}

// All that one round of events has to say goes out together.
void BrokerLink::flush_soon() {
  if (std::exchange(flush_is_due_, true)) return;
  boost::asio::post(io_, while_open([this] {
                      flush_is_due_ = false;
                      flush();
                    }));
}

void BrokerLink::flush_pubacks() {
  if (is_up() && puback_waits_) flush_soon();
}

void BrokerLink::flush() {
  puback_waits_ = false;
  stream_->flush();
}

void BrokerLink::keep_alive() {
  if (!is_up()) return;
  if (ping_is_open_) return fail("the broker answered no ping");
  if (std::exchange(has_sent_, false)) return;
  ping_is_open_ = true;
  write_ping(stream_->out());
  flush_soon();
}

void BrokerLink::tear() {
  if (is_open()) fail("torn");
}

void BrokerLink::leave() {
  if (!is_up()) return close();
  write_disconnect(stream_->out());
  flush();
  phase_ = Phase::closed;  // what was written still leaves; the broker ends the connection
  ++life_;
}

void BrokerLink::fail(const std::string& why) {
  close();
  owner_.link_down(number_, why);
}

void BrokerLink::close() {
  if (stream_) stream_->close();
  stream_.reset();
  phase_ = Phase::closed;
  ++life_;
  reader_.clear();
  flush_is_due_ = has_sent_ = ping_is_open_ = puback_waits_ = false;
}

}  // namespace argosy::fleet_load
