// Brings what waits in the outbox to the server: over MQTT as it comes, over HTTPS without a broker, and a backlog over
// HTTPS in bulk, where the server's answer holds the next batch back. Strictly in order, one batch at a time. What the
// server refuses for good is halved until the record at fault is alone; that one is set aside, and the rest go on. The
// agent's loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "agent/telemetry/catch_up.hpp"
#include "agent/telemetry/delivery.hpp"
#include "agent/telemetry/outbox.hpp"

namespace argosy::agent {

class TelemetrySender {
 public:
  // Longer than a POST may take: it always ends with an answer or an error.
  static constexpr Duration post_answer_within{90'000};

  struct Ports {
    std::function<bool()> mqtt_up;
    std::function<bool()> https_up;      // as far as is known
    std::function<bool(Bytes)> publish;  // whether it was handed over; answered by an ack, some time
    std::function<void(Bytes)> post;     // answered by take_ack or post_failed
    std::function<Instant()> now;
    std::function<Instant()> ageing = {};                   // a clock that is never set, for waits; without it `now`
    std::function<std::optional<Duration>()> clock_offset;  // this clock less the server's
    std::function<void(const std::string&)> log;
  };

  TelemetrySender(std::string device, Outbox& outbox, CatchUp::Pace pace, std::uint64_t seed, Ports ports);

  void pump();  // a few times a second: sends what is due
  void take_ack(const wire::TelemetryAck& ack);
  void post_failed(const Error& error, std::optional<Duration> retry_after);
  // The server will never take the batch: over MQTT by its name, over HTTPS the one that was posted.
  void take_refusal(const wire::TelemetryRefusal& refusal);
  void post_refused(const Error& error);
  // MQTT came or went. What was under way is sent another way at once; a backlog keeps its pace.
  void link_changed();

  bool has_backlog() const { return CatchUp::is_backlog(waiting()); }

 private:
  void refused(const std::string& reason);
  CatchUp::Amount waiting() const { return {outbox_.records(), outbox_.bytes()}; }
  bool goes_over_mqtt() const { return ports_.mqtt_up() && !(has_backlog() && ports_.https_up()); }

  std::string device_;
  Outbox& outbox_;
  Delivery delivery_;
  CatchUp catch_up_;
  Ports ports_;
  struct UnderWay {
    std::string name;  // as TelemetryRefusal names it
    std::string epoch;
    std::uint64_t first = 0;
    std::uint64_t records = 0;
  } under_way_;
  std::uint64_t most_records_ = CatchUp::bulk.records;  // fewer while a record at fault is looked for
};

}  // namespace argosy::agent
