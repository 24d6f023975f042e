// All simulated devices and their connections: who makes a window when, what is on its way, what comes back, and which
// faults happen. One object, on the I/O thread; bounded by the options' `in_flight` and `outbox`.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "common/base/random.hpp"
#include "tests/bench/fleet_load/broker_link.hpp"
#include "tests/bench/fleet_load/identities.hpp"
#include "tests/bench/fleet_load/options.hpp"
#include "tests/bench/fleet_load/simulated_device.hpp"
#include "tests/bench/fleet_load/tally.hpp"
#include "tests/bench/fleet_load/telemetry_maker.hpp"
#include "tests/bench/fleet_load/timer_queue.hpp"

namespace argosy::fleet_load {

class Fleet : private BrokerLink::Owner {
 public:
  // `on_end`: once; all is acknowledged, or the end has waited for it long enough, or nobody was let in.
  Fleet(boost::asio::io_context& io, Options options, std::optional<Identities> identities,
        std::function<void()> on_end);

  void start();
  void begin_storm();  // breaks connections now
  void finish();       // no further windows; asked again, it ends at once

  const Tally& tally() const { return tally_; }
  Ending ending() const;
  bool is_settled() const { return waiting_ == 0 && tally_.sent > 0; }

 private:
  enum class Due : std::uint8_t {
    window,
    device,
    state,
    open_link,
    check_link,
    pubacks,
    storm,
    no_load,
    progress,
    end,
    drained
  };
  enum class Phase : std::uint8_t { connecting, loading, draining, ended };
  struct Link {
    std::unique_ptr<BrokerLink> link;
    std::int64_t nonce = 0;  // of its session
    std::int64_t opened_at_us = 0;
    int failures = 0;
    bool is_up = false;
    bool was_up = false;    // ever
    std::size_t storm = 0;  // the one that broke it, from 1; 0: none
  };

  // Connections
  void open_link(std::size_t number);
  void check_link(std::size_t number);
  void link_up(std::size_t number) override;
  void link_down(std::size_t number, const std::string& why) override;
  void link_refused(std::size_t number, const std::string& why) override;
  void subscriptions_refused(std::size_t count) override;
  void give_up_at_the_beginning();
  bool is_shared(std::size_t link) const { return link >= options_.connections; }
  std::string user_of(std::size_t link) const;
  std::vector<std::string> topics_of(std::size_t link) const;
  std::shared_ptr<ByteStream> stream_for(std::size_t link);
  template <class F>
  void for_devices_of(std::size_t link, F f);

  // Load
  void begin_load();
  void make_windows(SimulatedDevice& device);
  bool may_make() const;
  void window_due(std::size_t number);
  void device_due(std::size_t number);
  void state_due(std::size_t number);
  void send_state(SimulatedDevice& device);
  void queue(std::size_t number);
  void pump();
  void send(std::size_t number);
  void send_garbage(const SimulatedDevice& device);
  void arm(std::size_t number, std::int64_t at_us);
  bool is_closed_loop() const { return options_.interval_s == 0; }

  // Answers
  void message_came(std::size_t link, std::string_view topic, std::string_view payload) override;
  void puback_waits(std::size_t link) override;
  void flush_pubacks();
  void take_ack(std::size_t number, const wire::TelemetryAck& ack);
  void take_refusal(std::size_t number, std::string_view payload);
  // Keeps what is on its way and what waits in all devices in step with what `change` does to one of them.
  template <class F>
  auto with_outbox(SimulatedDevice& device, F change);

  // Storms and the end
  void watch_storms();
  void end();

  void run_timers();
  void run(Due what, std::size_t index, std::int64_t at_us);
  void wait_for_timers();
  void later(double seconds, Due what, std::size_t index = 0);
  void look_at_end();
  void tell_progress() const;

  boost::asio::io_context& io_;
  Options options_;
  std::optional<Identities> identities_;
  std::function<void()> on_end_;
  TelemetryMaker maker_;
  Rng rng_;
  boost::asio::ip::tcp::endpoint broker_;
  std::vector<Link> links_;
  std::vector<SimulatedDevice> devices_;
  std::deque<std::uint32_t> ready_;          // devices that may have something to send
  std::vector<std::uint32_t> pubacks_wait_;  // links
  TimerQueue<Due> timers_;
  boost::asio::steady_timer timer_;
  std::int64_t timer_set_to_us_ = 0;
  Tally tally_;
  Phase phase_ = Phase::connecting;
  std::size_t shared_ = 0;  // connections that devices share
  std::size_t links_up_ = 0;
  std::uint64_t in_flight_ = 0;    // records
  std::uint64_t waiting_ = 0;      // records in all outboxes, those on their way included
  std::uint64_t storm_level_ = 0;  // of `waiting_`, before the newest storm
  std::size_t storm_left_ = 0;     // connections that have not come back from it
  bool is_pumping_ = false;
  std::int64_t load_begun_us_ = 0, load_ended_us_ = 0;
  double cpu_before_s_ = 0, cpu_after_s_ = 0;
};

}  // namespace argosy::fleet_load
