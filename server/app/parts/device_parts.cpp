#include "server/app/parts/device_parts.hpp"

#include <chrono>
#include <filesystem>
#include <utility>

#include <spdlog/spdlog.h>

#include "common/base/file.hpp"
#include "common/wire/diagnostics.hpp"
#include "server/app/leader_work.hpp"
#include "server/app/part_options.hpp"
#include "server/base/round_of.hpp"
#include "server/devices/connectivity_api.hpp"
#include "server/devices/device_api.hpp"
#include "server/devices/diagnostics_api.hpp"
#include "server/mqtt/broker_visit.hpp"

namespace argosy::server {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr Duration revocation_interval{300};

Task<Result<bool>> visit(asio::any_io_executor io, BrokerVisit as) {
  co_return co_await visit_broker(io, std::move(as));
}

Task<Result<void>> keep_at_broker(MqttClient& mqtt, std::string topic, std::string payload) {
  co_return co_await mqtt.publish(std::move(topic), std::move(payload), true);
}

BrokerDoor broker_door(const Platform& platform, std::string ca_pem, MqttClient* mqtt) {
  if (mqtt == nullptr) return {};
  BrokerDoor door;
  door.visit = [io = platform.io, uri = platform.config.mqtt_uri, ca_pem](std::string name,
                                                                          CertificateAndKey identity) {
    return visit(
        io, {uri, ca_pem, std::move(identity.certificate_pem), std::move(identity.private_key_pem), std::move(name)});
  };
  door.publish = [mqtt](std::string topic, std::string payload) {
    return keep_at_broker(*mqtt, std::move(topic), std::move(payload));
  };
  return door;
}

Task<Result<void>> recount(DeviceService& devices) {
  ARGOSY_CO_TRY(const std::size_t wrong, co_await devices.recount());
  if (wrong > 0) spdlog::warn("{} counts of the fleet were wrong and are right now", wrong);
  co_return Result<void>{};
}

}  // namespace

Result<CertificateAndKey> read_authority(const Config& config) {
  if (!config.device_enabled) return CertificateAndKey{};
  const std::filesystem::path pki(config.pki_dir);
  CertificateAndKey authority;
  ARGOSY_TRY(authority.certificate_pem, read_file(pki / "ca.pem"));
  ARGOSY_TRY(authority.private_key_pem, read_file(pki / "ca.key"));
  return authority;
}

DeviceParts::DeviceParts(Platform& platform, BrokerParts& broker, CertificateAndKey authority)
    : devices(platform.db, suggestion_rule(platform.config)),
      presence(platform.db, presence_options(platform.config)),
      connectivity(platform.db, connectivity_options(platform.config)),
      diagnostics(platform.db, stable_hash(2, platform.instance)),
      platform_(platform) {
  if (platform.config.device_enabled) make_enrolment(broker, std::move(authority));
  if (broker.lead) presence.watch_while([&broker] { return broker.connected(); });
  diagnostics.use([&broker](const DiagnosticsQuestion& question) {
    broker.send(question.device, "ask", wire::encode(wire::DiagnosticsAsk{question.id}));
  });
}

void DeviceParts::make_enrolment(BrokerParts& broker, CertificateAndKey authority) {
  const Config& config = platform_.config;
  revocation.emplace(platform_.db, revocation_options(config, authority),
                     broker_door(platform_, authority.certificate_pem, broker.lead.get()));
  enrolment.emplace(platform_.db, enrolment_options(config, std::move(authority)));
  standing.emplace(
      platform_.io, platform_.db,
      [this](DeviceId device, Digest print) { return enrolment->is_current(std::move(device), print); },
      StandingOptions{.conninfo = config.database_conninfo, .memory = {}});
  revocation->on_ended([this](const EndedCertificate& ended) { standing->forget(DeviceId(ended.device)); });
  devices.on_revoked([this](const DeviceId& device) { standing->forget(device); });
  broker.on_connected([this] { revocation->broker_is_back(); });
}

void DeviceParts::on_ended(std::function<void(const EndedCertificate&)> hear) {
  if (revocation) revocation->on_ended(std::move(hear));
}

void DeviceParts::start(std::function<bool()> leading) {
  if (!revocation) return;
  platform_.loops.add({.name = "revocations", .interval = revocation_interval},
                      [this, leading](Instant now) { return revocation->tick(now, leading()); });
}

void DeviceParts::add_jobs(LeaderWork& leader) {
  leader.every("presence", Duration{platform_.config.presence_tick_ms}, round_of<&PresenceService::tick>(presence));
  leader.every("fleet counts", 1s, round_of<&DeviceService::fold_counts>(devices));
  leader.every("recount of the fleet", 1h, [this](Instant) { return recount(devices); });
  leader.every("diagnostics", 1s, round_of<&DiagnosticsService::tick>(diagnostics));
}

void DeviceParts::add_routes(Router& router) {
  add_device_routes(router, devices);
  add_connectivity_routes(router, connectivity);
  add_diagnostics_routes(router, diagnostics);
  if (enrolment) add_enrolment_routes(router, *enrolment);
}

void DeviceParts::add_figures(Metrics& metrics) {
  add_metrics(metrics, presence);
  if (standing) add_metrics(metrics, *standing);
  if (revocation) add_metrics(metrics, *revocation);
}

}  // namespace argosy::server
