// The connections of the simulated devices: opens them one after the other, keeps them alive, breaks them in a storm,
// and opens again with full jitter what broke. One object, on the I/O thread, for as long as that runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "common/base/random.hpp"
#include "tests/bench/fleet_load/alarm_clock.hpp"
#include "tests/bench/fleet_load/broker_link.hpp"
#include "tests/bench/fleet_load/identities.hpp"
#include "tests/bench/fleet_load/layout.hpp"
#include "tests/bench/fleet_load/options.hpp"
#include "tests/bench/fleet_load/seeded_chance.hpp"
#include "tests/bench/fleet_load/tally.hpp"

namespace argosy::fleet_load {

class Connections : private BrokerLink::Owner {
 public:
  struct Owner {
    virtual ~Owner() = default;
    virtual void connection_up(std::size_t connection) = 0;
    virtual void connection_down(std::size_t connection) = 0;
    virtual void all_came_up() = 0;     // for the first time
    virtual void none_is_let_in() = 0;  // before that: nothing will come of it; tally.last_error says why
    virtual void message_came(std::string_view topic, std::string_view payload) = 0;
  };

  Connections(boost::asio::io_context& io, const Options& options, const Layout& layout,
              std::optional<Identities> identities, Owner& owner, Tally& tally);

  void start();
  void end();  // in order; the owner hears nothing more
  std::size_t up() const { return up_; }
  bool is_up(std::size_t connection) const { return links_[connection].link->is_up(); }
  std::int64_t session_of(std::size_t connection) const { return links_[connection].nonce; }
  void publish(std::size_t connection, std::string_view topic, ByteView payload, bool retain);
  void send(std::size_t connection, std::string_view topic, ByteView payload);  // QoS 0
  std::size_t tear(double share);                                               // how many broke
  std::size_t torn_left() const { return torn_left_; }  // that have not come back from the last time

 private:
  enum class Due : std::uint8_t { open, check, pubacks, all_up };
  struct Link {
    std::unique_ptr<BrokerLink> link;
    std::int64_t nonce = 0;  // of its session
    std::int64_t opened_at_us = 0;
    int failures = 0;
    bool is_up = false;
    bool was_up = false;  // ever
    bool is_torn = false;
  };

  void run(Due what, std::size_t number);
  void open(std::size_t number);
  void check(std::size_t number);
  void flush_pubacks();
  void give_up_at_the_beginning();
  std::shared_ptr<ByteStream> stream_for(std::size_t number);
  void link_up(std::size_t number) override;
  void link_down(std::size_t number, const std::string& why) override;
  void link_refused(std::size_t number, const std::string& why) override;
  void subscriptions_refused(std::size_t count) override;
  void message_came(std::size_t number, std::string_view topic, std::string_view payload) override;
  void puback_waits(std::size_t number) override;

  boost::asio::io_context& io_;
  const Options& options_;
  const Layout& layout_;
  std::optional<Identities> identities_;
  Owner& owner_;
  Tally& tally_;
  boost::asio::ip::tcp::endpoint broker_;
  SeededChance chance_;
  Rng waits_;
  AlarmClock<Due> clock_;
  std::vector<Link> links_;
  std::vector<std::size_t> pubacks_wait_;  // connections
  std::size_t up_ = 0;
  std::size_t torn_left_ = 0;
  std::uint64_t storms_ = 0;
  bool all_were_up_ = false;
  bool is_over_ = false;
};

}  // namespace argosy::fleet_load
