#include "server/app/parts/broker_parts.hpp"

#include <filesystem>
#include <utility>

#include "server/app/init_pki.hpp"
#include "server/app/part_options.hpp"

namespace argosy::server {

Result<void> check_share(const Config& config) {
  if (!config.mqtt_enabled || config.mqtt_share == 0) return {};
  const std::filesystem::path certificate =
      std::filesystem::path(config.pki_dir) / (broker_name(config.mqtt_share) + ".pem");
  if (std::filesystem::exists(certificate)) return {};
  return make_error(Errc::not_found, "mqtt.share=" + std::to_string(config.mqtt_share) + " needs " +
                                         certificate.string() +
                                         ": run argosyd --init-pki again, which keeps all that exists");
}

std::string down_topic(const std::string& device, const std::string& kind) {
  return "argosy/v1/" + device + "/down/" + kind;
}

BrokerParts::BrokerParts(Platform& platform) {
  const Config& config = platform.config;
  if (!config.mqtt_enabled) return;
  MqttClient::Handlers handlers;
  handlers.on_messages = [this](std::vector<MqttMessage> batch) { messages_(std::move(batch)); };
  handlers.on_refusals = [this](std::vector<MqttRefusals> refusals) { refusals_(std::move(refusals)); };
  if (config.mqtt_share > 0) share = std::make_unique<MqttClient>(platform.io, mqtt_share_options(config), handlers);
  handlers.on_connected = [this] {
    for (const auto& hear : connected_) hear();
  };
  lead = std::make_unique<MqttClient>(platform.io, mqtt_options(config), std::move(handlers));
}

void BrokerParts::send(const std::string& device, const std::string& kind, const std::string& document) {
  if (lead) lead->send(down_topic(device, kind), document);
}

void BrokerParts::start() {
  if (share) share->start();
}

void BrokerParts::request_stop() {
  if (share) share->stop();
}

void BrokerParts::add_figures(Metrics& metrics) {
  if (lead) add_metrics(metrics, "leader", *lead);
  if (share) add_metrics(metrics, "share", *share);
}

}  // namespace argosy::server
