// From observations and sensors to the outbox. The agent's loop thread; whoever owns it calls the three verbs in time.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/telemetry/awaited_labels.hpp"
#include "agent/telemetry/handed_labels.hpp"
#include "agent/telemetry/health_sampler.hpp"
#include "agent/telemetry/held_records.hpp"
#include "agent/telemetry/observation_socket.hpp"
#include "agent/telemetry/outbox.hpp"
#include "agent/telemetry/readings.hpp"
#include "agent/telemetry/runtimes_seen.hpp"
#include "agent/telemetry/window_accumulator.hpp"

namespace argosy::agent {

class TelemetrySource {
 public:
  TelemetrySource(ObservationSocket socket, HealthSampler sampler, Outbox outbox, AwaitedLabels awaited,
                  WindowAccumulator windows, std::function<void(const std::string&)> log)
      : socket_(std::move(socket)),
        sampler_(std::move(sampler)),
        outbox_(std::move(outbox)),
        awaited_(std::move(awaited)),
        windows_(std::move(windows)),
        log_(std::move(log)) {}

  // Takes what waits in the socket, a bounded number at a time; how many there were.
  std::size_t take_observations(const std::function<std::string(const std::string& model)>& serving_version,
                                const std::function<void(const std::string& model, const ShadowAnswer&)>& count_shadow,
                                Instant now);
  void end_window(Instant now);
  // Labels that the server was told: an answer to what handed_labels() last asked.
  void take_labels(const wire::LabelAnswers& asked, const wire::HandedLabels& handed, Instant now);
  const HandedLabels& handed_labels() const { return handed_; }
  // `clock_offset`: by how much the board's clock is ahead of the server's, when that is known.
  void sample_health(Instant now, std::optional<Duration> clock_offset);
  // A few times a second: goes on putting down what waited in memory, once the disk takes it again.
  void tick();
  // Puts down what it can of what waits in memory.
  void put_down_all();
  // The clock was set by so much: what was not told yet is moved along.
  void shift(Duration by);
  // Until the time is known nothing is dropped for its age.
  void trust_time(bool is_known);
  // What waits in memory because the disk does not take it, and why; empty: nothing does.
  std::string disk_fault() const;
  bool is_disk_full() const;  // by the newest health sample
  const std::optional<wire::HealthSample>& newest_health() const { return newest_health_; }
  // What the owner's command gave, for the health samples from now on; or why it gave nothing.
  void take_readings(Result<Readings> readings);
  // Of the newest run; empty: it gave readings, or there was none.
  const std::string& readings_fault() const { return readings_fault_; }
  RuntimesSeen& runtimes() { return runtimes_; }

  const ObservationSocket& socket() const { return socket_; }
  WindowAccumulator& windows() { return windows_; }
  Outbox& outbox() { return outbox_; }
  const Outbox& outbox() const { return outbox_; }

 private:
  void await_label(const Observation& observation, const std::string& serving, Instant now);
  void take_late_label(const Observation& told, Instant now);
  std::optional<wire::LabelOutcome> take_label(const wire::HandedLabel& told, Instant now);
  Result<std::optional<Outbox::LabelOrigin>> origin_of_label(std::uint64_t observation);
  void count_late_label(std::uint64_t observation, std::int64_t label, Outbox::LabelOrigin origin, Instant now);
  // Whether it is on disk; else it waits in memory, and its labels are not counted there.
  bool keep(std::vector<Outbox::Content> contents, const std::vector<Outbox::CountedLabel>& counted, Instant now);
  void note_put_down(const Result<void>& done);
  std::uint64_t observations_refused() const { return socket_.counters().malformed + windows_.dropped(); }
  void tell_of_refused_observations();
  bool put_down_oldest();

  ObservationSocket socket_;
  HealthSampler sampler_;
  Outbox outbox_;
  AwaitedLabels awaited_;
  HandedLabels handed_;
  std::map<std::uint64_t, Outbox::LabelOrigin> counted_;  // in this window
  WindowAccumulator windows_;
  std::function<void(const std::string&)> log_;
  std::optional<wire::HealthSample> newest_health_;
  std::optional<Readings> readings_;
  std::string readings_fault_;
  RuntimesSeen runtimes_;
  HeldRecords held_;
  std::string append_fault_;                                 // of the newest try; empty: it went well
  std::uint64_t refused_before_ = 0, malformed_before_ = 0;  // when the last window ended
  bool refuses_ = false;                                     // observations of that window
  bool said_too_many_numbers_ = false;
  bool said_too_many_tags_ = false;
  bool awaiting_failed_ = false;
};

}  // namespace argosy::agent
