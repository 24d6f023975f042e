// One MQTT connection: connects, subscribes, keeps alive, acknowledges what comes. It does not connect again by itself,
// and keeps nothing of what it could not send. On the I/O thread; lives until that ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "tests/bench/fleet_load/byte_stream.hpp"
#include "tests/bench/fleet_load/mqtt_packets.hpp"

namespace argosy::fleet_load {

class BrokerLink {
 public:
  // What the owner of all links hears, with the link's number.
  struct Owner {
    virtual ~Owner() = default;
    virtual void link_up(std::size_t link) = 0;                               // subscriptions are granted
    virtual void link_down(std::size_t link, const std::string& why) = 0;     // once after each open()
    virtual void link_refused(std::size_t link, const std::string& why) = 0;  // before link_down()
    virtual void subscriptions_refused(std::size_t count) = 0;
    virtual void message_came(std::size_t link, std::string_view topic, std::string_view payload) = 0;
    virtual void puback_waits(std::size_t link) = 0;  // for what is published next, or for flush_pubacks()
  };

  BrokerLink(boost::asio::io_context& io, Owner& owner, std::size_t number) : io_(io), owner_(owner), number_(number) {}
  BrokerLink(const BrokerLink&) = delete;
  BrokerLink& operator=(const BrokerLink&) = delete;

  void open(std::shared_ptr<ByteStream> stream, const boost::asio::ip::tcp::endpoint& to, const Connect& connect,
            std::vector<std::string> topics);
  bool is_up() const { return phase_ == Phase::up; }
  bool is_open() const { return phase_ != Phase::closed; }
  void publish(std::string_view topic, ByteView payload, bool retain);  // only while it is up
  void send(std::string_view topic, ByteView payload);                  // likewise, with QoS 0
  void flush_pubacks();
  // To be called every half of the keep-alive time: pings, and breaks a connection on which none was answered.
  void keep_alive();
  void tear();   // by RST: link_down() follows at once
  void leave();  // in order; no link_down()

 private:
  enum class Phase : std::uint8_t { closed, connecting, greeting, subscribing, up };

  void begin_session(const Connect& connect);
  void take_bytes(ByteView bytes);
  Result<void> take_packet(const Packet& packet);
  Result<void> take_connack(const Packet& packet);
  Result<void> take_suback(const Packet& packet);
  Result<void> take_message(const Packet& packet);
  void subscribe();
  void flush_soon();
  void flush();
  void fail(const std::string& why);
  void close();
  std::uint16_t next_id();
  // Of the connection that is open now: what an earlier one still has to say is passed over.
  template <class F>
  auto while_open(F f);

  boost::asio::io_context& io_;
  Owner& owner_;
  std::size_t number_;
  Phase phase_ = Phase::closed;
  std::uint64_t life_ = 0;
  std::shared_ptr<ByteStream> stream_;
  PacketReader reader_;
  std::vector<std::string> topics_;
  std::size_t subacks_awaited_ = 0;
  std::uint16_t last_id_ = 0;
  bool flush_is_due_ = false;
  bool puback_waits_ = false;
  bool has_sent_ = false;  // since the last keep_alive()
  bool ping_is_open_ = false;
};

}  // namespace argosy::fleet_load
