// The agent's side of the conversation with its server: enrols, renews, polls, and sends state and telemetry over MQTT,
// or over HTTPS while there is no broker. The agent's loop thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "agent/app/config.hpp"
#include "agent/link/device_api.hpp"
#include "agent/link/mqtt_link.hpp"
#include "agent/telemetry/delivery.hpp"
#include "agent/telemetry/telemetry_sender.hpp"
#include "common/wire/diagnostics.hpp"
#include "common/wire/state.hpp"

namespace argosy::agent {

class Uplink {
 public:
  struct Ports {
    std::function<void(const wire::Desired&)> take_desired;
    std::function<std::int64_t()> known_rev;
    std::function<std::vector<wire::ModelReport>()> models;
    std::function<std::optional<std::uint64_t>()> download_bytes_per_s;
    std::function<std::optional<wire::HealthSample>()> newest_health;
    std::function<bool()> health_waits = [] { return false; };  // it cannot go the usual way now
    std::function<std::string()> readings_fault = [] { return std::string(); };
    std::function<wire::LabelAnswers()> label_answers;
    std::function<void(const wire::LabelAnswers&, const wire::HandedLabels&)> take_labels;
    std::function<wire::Capabilities()> capabilities = [] { return wire::Capabilities(); };
    std::function<wire::Diagnostics()> diagnose = [] { return wire::Diagnostics(); };  // but for the state
    std::function<Instant()> now;
    std::function<Instant()> ageing = {};  // a clock that is never set, for waits; without it `now`
    std::function<bool()> time_is_known = [] { return true; };
    std::function<Duration()> board_ahead = [] { return Duration{0}; };  // the board's clock less `now`
    std::function<std::vector<wire::Condition>()> conditions = [] { return std::vector<wire::Condition>(); };
    std::function<void(const std::string&)> log;
  };

  Uplink(boost::asio::io_context& io, const Config& config, IdentityStore identities, HttpsClient& https,
         ProxyRules proxies, Outbox& outbox, std::filesystem::path nonce_file, std::uint64_t seed, Ports ports);

  void start();
  void stop();
  // The state moved: it is sent at once, or with the next pump when the last is younger than a third of a second.
  void state_changed();
  void pump();  // a few times a second: sends what is due
  // Tells what became of the labels that the server handed out, and fetches those that wait.
  void fetch_labels();
  // The board's clock was set: what waits for a certificate to be good by it is tried at once.
  void board_clock_was_set();
  // By how much the board's clock is ahead of the server's, by its newest answer; nothing when that is long ago.
  std::optional<Duration> clock_offset() const { return https_.clock_offset(); }

 private:
  Task<void> run();
  Task<void> enrol();
  Task<bool> try_enrol();
  Task<void> poll();
  Task<void> renew_if_due();
  Task<void> come_back();
  Task<Result<IssuedIdentity>> ask_to_come_back();
  Task<Result<IssuedIdentity>> ask_with_new_claim();
  bool has_ended() const { return turned_away_ || ports_.now() >= identity_->not_after; }
  Task<void> send_state_over_https(std::string document);
  Task<void> send_batch_over_https(Bytes batch);
  void ask_for_labels_now_and_then();
  Task<void> exchange_labels();
  Task<Result<bool>> exchange_some_labels();
  Task<void> send_diagnostics(std::int64_t id);
  Task<void> pause(Duration wait);

  Result<std::string> claim() const;
  EnrolmentOrder enrolment_order(std::string claim, std::string csr) const;
  Trust first_trust() const;
  void use(const Identity& identity);
  void use_for_https(const Identity& identity);
  void start_mqtt();
  void on_message(const std::string& topic, const std::string& payload);
  std::string new_session();
  std::string topic(const char* leaf) const { return "argosy/v1/" + config_.device + "/" + leaf; }
  wire::DeviceState state_document() const;
  void send_state();
  void take_ack(const wire::TelemetryAck& ack);
  TelemetrySender::Ports sender_ports();
  bool online() const { return mqtt_ && mqtt_->connected(); }

  boost::asio::io_context& io_;
  const Config& config_;
  IdentityStore identities_;
  HttpsClient& https_;
  DeviceApi api_;
  ProxyRules proxies_;
  std::filesystem::path nonce_file_;
  Ports ports_;
  Rng rng_;
  TelemetrySender sender_;
  Delivery state_delivery_;
  boost::asio::steady_timer timer_;
  std::optional<Identity> identity_;
  std::unique_ptr<MqttLink> mqtt_;
  std::int64_t nonce_ = 0;
  bool stopped_ = false;
  bool https_up_ = true;      // the last call got an answer
  bool turned_away_ = false;  // because of the certificate
  bool exchanging_labels_ = false;
  bool server_has_no_labels_ = false;  // it is older than that
  Instant labels_asked_at_{};
  bool has_polled_ = false;  // whatever came of it
  bool lacks_room_ = false;  // for its key
  std::string refused_claim_;
  bool state_dirty_ = true;
  bool diagnosing_ = false;  // one answer at a time; the server asks again
  Instant state_sent_at_{};
};

}  // namespace argosy::agent
