// All simulated devices: who makes a window when, what is on its way, what comes back, and which faults happen. One
// object, on the I/O thread; bounded by the options' `in_flight` and `outbox`.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "common/base/random.hpp"
#include "tests/bench/fleet_load/alarm_clock.hpp"
#include "tests/bench/fleet_load/connections.hpp"
#include "tests/bench/fleet_load/identities.hpp"
#include "tests/bench/fleet_load/layout.hpp"
#include "tests/bench/fleet_load/options.hpp"
#include "tests/bench/fleet_load/seeded_chance.hpp"
#include "tests/bench/fleet_load/simulated_device.hpp"
#include "tests/bench/fleet_load/tally.hpp"
#include "tests/bench/fleet_load/telemetry_maker.hpp"

namespace argosy::fleet_load {

class Fleet : private Connections::Owner {
 public:
  // `on_end`: once; all is acknowledged, or the end has waited for it long enough, or nobody was let in.
  Fleet(boost::asio::io_context& io, Options options, std::optional<Identities> identities,
        std::function<void()> on_end);

  void start();
  void begin_storm();  // breaks connections now
  void finish();       // no further windows; asked again, it ends at once

  const Tally& tally() const { return tally_; }
  Ending ending() const;
  const std::vector<SimulatedDevice>& devices() const { return devices_; }
  // All that was sent is acknowledged, and nothing waits.
  bool is_settled() const { return waiting_ == 0 && tally_.sent > 0 && tally_.acknowledged == tally_.sent; }

 private:
  enum class Due : std::uint8_t { window, device, state, storm, progress, end, drained };
  enum class Phase : std::uint8_t { connecting, loading, draining, ended };

  void make_devices();
  void run(const AlarmClock<Due>::Timer& timer);
  bool is_closed_loop() const { return options_.interval_s == 0; }

  // Connections
  void connection_up(std::size_t connection) override;
  void connection_down(std::size_t connection) override;
  void all_came_up() override;
  void none_is_let_in() override { end(); }
  void message_came(std::string_view topic, std::string_view payload) override;

  // Load
  bool may_make() const;
  void make_windows(std::size_t number);
  void window_due(std::size_t number);
  void device_due(std::size_t number);
  void state_due(std::size_t number);
  void send_state(const SimulatedDevice& device);
  void queue(std::size_t number);
  void pump();
  void send(std::size_t number);
  void send_telemetry(const SimulatedDevice& device, ByteView batch);
  void send_garbage(std::size_t number);
  void arm(std::size_t number, std::int64_t at_us);

  // Answers
  void take_ack(std::size_t number, const wire::TelemetryAck& ack);
  void take_refusal(std::size_t number, std::string_view payload);
  bool is_of_under_way(const SimulatedDevice& device, std::string_view batch) const;
  void repeat_now_and_then(std::size_t number);
  // Keeps what is on its way and what waits in all devices in step with what `change` does to one of them.
  template <class F>
  auto with_outbox(SimulatedDevice& device, F change);

  // Storms and the end
  void watch_storms();
  void look_at_end();
  void end();
  void tell_progress() const;

  Options options_;
  Layout layout_;
  std::function<void()> on_end_;
  TelemetryMaker maker_;
  SeededChance chance_;
  Rng waits_;
  Tally tally_;
  Connections connections_;
  AlarmClock<Due> clock_;
  std::vector<SimulatedDevice> devices_;
  std::deque<std::uint32_t> ready_;  // devices that may have something to send
  Phase phase_ = Phase::connecting;
  std::uint64_t in_flight_ = 0;    // records
  std::uint64_t waiting_ = 0;      // records in all outboxes, those on their way included
  std::uint64_t storm_level_ = 0;  // of `waiting_`, before the newest storm
  bool is_pumping_ = false;
  std::int64_t load_begun_us_ = 0, load_ended_us_ = 0;
  double cpu_before_s_ = 0, cpu_after_s_ = 0;
};

}  // namespace argosy::fleet_load
