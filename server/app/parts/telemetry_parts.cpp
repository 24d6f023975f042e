#include "server/app/parts/telemetry_parts.hpp"

#include <chrono>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "server/app/part_options.hpp"
#include "server/base/round_of.hpp"
#include "server/labels/label_api.hpp"
#include "server/rollouts/guards/panel_store.hpp"
#include "server/telemetry/query/query_api.hpp"
#include "server/telemetry/telemetry_api.hpp"
#include "server/telemetry/telemetry_store.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

// Those of windows: with the model "" comes word of health.
std::vector<UnheardPair> with_windows(std::vector<UnheardPair> pairs) {
  std::erase_if(pairs, [](const UnheardPair& pair) { return pair.model.empty(); });
  return pairs;
}

// The agent takes the batch apart until the record at fault is alone.
Task<void> send_refusal(MqttClient& mqtt, MessageId message, Error error) {
  const wire::TelemetryRefusal refusal{message.digest.to_hex().substr(0, 16), error.message};
  // Without an answer it is sent again.
  co_await mqtt.publish(down_topic(message.device, "ack"), wire::encode(refusal), false);
}

}  // namespace

TelemetryParts::TelemetryParts(Platform& platform, UpkeepParts& upkeep, BrokerParts& broker, LeaderParts& leader,
                               MonitoringParts& monitoring, JudgingParts& judging)
    : readers(platform.io, {.threads = 2, .queue_limit = 64}),
      telemetry(platform.db, telemetry_options(platform.config)),
      packing(platform.db),
      window_news(platform.db, platform.instance),
      queries(platform.db),
      labels(platform.db, [&broker](const std::string& device,
                                    const std::string& document) { broker.send(device, "ack", document); }),
      intake(upkeep.quarantine),
      collector(
          platform.io, {telemetry, intake, readers},
          [this](const std::string& device, const wire::TelemetryAck& ack) { acknowledge(device, ack); },
          [this](const MessageId& message, const Error& error) { refuse(message, error); },
          collector_options(platform.config)),
      platform_(platform),
      broker_(broker) {
  feed(leader, monitoring, judging);
}

// Whoever lives on windows: guards within the transaction that stores them, the others after its commit.
void TelemetryParts::feed(LeaderParts& leader, MonitoringParts& monitoring, JudgingParts& judging) {
  telemetry.also_store({[note = window_news.note()](pqxx::work& transaction, const TakenTelemetry& taken) {
    feed_panels(transaction, taken);
    note.keep(transaction, taken);
  }});
  telemetry.add_listener([this, &leader, &monitoring, &judging](const std::vector<TakenWindow>& windows) {
    const Instant now = wall_clock_now();
    window_news.count(windows, now);
    monitoring.served.add(windows, now);
    if (!leader.leading()) return;  // the one that leads finds them noted
    judging.drift.take(windows, now);
    judging.alerts.take(windows, now);
    judging.rules.take(windows, now);
  });
  telemetry.on_health([&leader, &judging](const std::vector<TakenHealth>& health) {
    if (leader.leading()) judging.rules.take(health, wall_clock_now());
  });
  telemetry.on_doubt([&judging](const std::set<std::string>& devices) {
    judging.drift.doubt(devices, wall_clock_now());
    judging.alerts.doubt(devices, wall_clock_now());
    judging.rules.doubt(devices, wall_clock_now());
  });
  window_news.on_unheard([&judging](const std::vector<UnheardPair>& pairs) {
    judging.rules.take(pairs, wall_clock_now());
    const auto of_models = with_windows(pairs);
    judging.drift.take(of_models, wall_clock_now());
    judging.alerts.take(of_models, wall_clock_now());
  });
  leader.work.on_term([this](std::optional<Fence> term) { window_news.leads(term); });
}

void TelemetryParts::acknowledge(const std::string& device, const wire::TelemetryAck& ack) {
  if (MqttClient* to = broker_.of_telemetry()) to->send(down_topic(device, "ack"), wire::encode(ack));
}

void TelemetryParts::refuse(const MessageId& message, const Error& error) {
  refusals_.report(Error(error).within(message.device));
  const bool of_content = error.code != Errc::forbidden;
  MqttClient* to = broker_.of_telemetry();
  if (to != nullptr && of_content)
    boost::asio::co_spawn(platform_.io, send_refusal(*to, message, error), boost::asio::detached);
}

void TelemetryParts::start() {
  platform_.loops.add({.name = "window rates", .interval = 5s}, round_of<&WindowNews::tell_rate>(window_news));
}

void TelemetryParts::add_jobs(LeaderWork& leader) {
  leader.every("telemetry upkeep", 60s, round_of<&TelemetryService::tick>(telemetry));
  leader.every("packing of telemetry", 2s, round_of<&PackingService::tick>(packing));
  leader.every("windows of other instances", 1s, round_of<&WindowNews::take_unheard>(window_news));
  leader.every("word of labels", 1s, round_of<&LabelService::tell_devices>(labels));
  leader.every("labels that end", 60s, round_of<&LabelService::tidy>(labels));
}

void TelemetryParts::add_routes(Router& router) {
  add_telemetry_routes(router, telemetry);
  add_query_routes(router, queries);
  add_device_telemetry_routes(router, collector);
  add_label_routes(router, labels);
  add_device_label_routes(router, labels);
}

void TelemetryParts::add_figures(Metrics& metrics) {
  add_metrics(metrics, collector);
  add_metrics(metrics, telemetry);
  add_metrics(metrics, packing);
  add_metrics(metrics, labels);
}

}  // namespace argosy::server
