#include "server/app/part_options.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string_view>
#include <utility>

#include "net/tls_client.hpp"
#include "server/app/device_messages.hpp"
#include "server/app/init_pki.hpp"
#include "server/db/advisory_locks.hpp"

namespace argosy::server {
namespace {

namespace fs = std::filesystem;

std::chrono::milliseconds ms(std::int64_t count) {
  return std::chrono::milliseconds(count);
}
std::size_t size(std::int64_t count) {
  return static_cast<std::size_t>(count);
}
std::uint16_t port(std::int64_t number) {
  return static_cast<std::uint16_t>(number);
}

// "ssl://broker.example:8883" gives "broker.example".
std::string host_of(const std::string& uri) {
  const std::size_t scheme = uri.find("://");
  const std::size_t start = scheme == std::string::npos ? 0 : scheme + 3;
  return uri.substr(start, uri.rfind(':') == std::string::npos || uri.rfind(':') < start ? std::string::npos
                                                                                         : uri.rfind(':') - start);
}

SenderBudgets::Limits device_budgets(const Config& config) {
  return {.messages_per_s = config.devices_messages_per_s,
          .messages_burst = 10 * config.devices_messages_per_s,
          .bytes_per_s = 1024 * config.devices_kb_per_s,
          .bytes_burst = 1024 * std::max(10 * config.devices_kb_per_s, 4096.0)};
}

// A quarter is for those who have signed.
ConnectionBudget::Limits connection_limits(std::int64_t most, std::int64_t strangers, std::int64_t per_peer) {
  return {.connections = size(most),
          .unsigned_per_address = size(strangers),
          .per_peer = size(per_peer),
          .reserve = size(most) / 4};
}

constexpr const char* telemetry_topics = "argosy/v1/+/up/telemetry";

MqttClient::Options broker_options(const Config& config, std::int64_t share) {
  const fs::path pki(config.pki_dir);
  const std::string name = broker_name(share);
  return {.uri = config.mqtt_uri,
          .client_id = name,
          .identity = {.ca_file = pki / "ca.pem",
                       .certificate_file = pki / (name + ".pem"),
                       .key_file = pki / (name + ".key")},
          .subscriptions = {},
          .inbox = {.budgets = device_budgets(config)},
          .rule_of = DeviceMessages::rule_of};
}

// So that what else the database is for is served between two ticks, however far apart they are.
Duration judging_budget(std::int64_t tick_ms) {
  return std::max(Duration{100}, ms(tick_ms) * 6 / 10);
}

}  // namespace

DbPool::Options db_options(const Config& config) {
  return {.conninfo = config.database_conninfo,
          .threads = size(config.database_threads),
          .queue_limit = size(config.database_queue_limit),
          .statement_timeout = ms(config.database_statement_timeout_ms)};
}

EnrolmentOptions enrolment_options(const Config& config, CertificateAndKey authority) {
  EnrolmentOptions options;
  options.authority = std::move(authority);
  options.mqtt_host = config.mqtt_agent_host.empty() ? host_of(config.mqtt_uri) : config.mqtt_agent_host;
  options.mqtt_port = port(config.mqtt_agent_port);
  options.certificate_life = std::chrono::hours(24 * config.pki_device_days);
  options.way_back = std::chrono::hours(24 * config.pki_way_back_days);
  return options;
}

SuggestionRule suggestion_rule(const Config& config) {
  return SuggestionRule::parse(config.devices_take_suggested).value();  // checked when it was read
}

QuarantineService::Options quarantine_options(const Config& config) {
  QuarantineService::Options options;
  options.server_version = ARGOSY_VERSION;
  options.folder = fs::path(config.store_dir) / "in-hand";
  options.budgets = device_budgets(config);
  return options;
}

MqttClient::Options mqtt_options(const Config& config) {
  MqttClient::Options options = broker_options(config, 0);
  options.subscriptions = {"argosy/v1/+/up/state", "argosy/v1/+/up/event"};
  if (config.mqtt_share == 0) options.light_subscriptions = {telemetry_topics};
  return options;
}

MqttClient::Options mqtt_share_options(const Config& config) {
  MqttClient::Options options = broker_options(config, config.mqtt_share);
  options.light_subscriptions = {std::string("$share/argosy/") + telemetry_topics};
  return options;
}

Result<void> check_otlp(const Config& config) {
  if (config.otlp_endpoint.empty()) return {};
  const auto target = otlp_target(config.otlp_endpoint, config.otlp_headers);
  if (!target) return Error(target.error()).within("otlp.endpoint and otlp.headers");
  if (config.otlp_ca_file.empty()) return {};
  const auto authorities = net::make_client_context({.authorities_file = config.otlp_ca_file});
  if (!authorities) return Error(authorities.error()).within("otlp.ca_file");
  return {};
}

OtlpOptions otlp_options(const Config& config, OtlpTarget target, std::string instance) {
  OtlpOptions options;
  options.target = std::move(target);
  options.ca_file = config.otlp_ca_file;
  options.resource = {"argosyd", ARGOSY_VERSION, std::move(instance)};
  options.interval = std::chrono::seconds(config.otlp_interval_s);
  options.timeout = std::chrono::seconds(config.otlp_timeout_s);
  return options;
}

HttpServer::Options operator_options(const Config& config) {
  HttpServer::Options options;
  options.address = config.operator_address;
  options.port = port(config.operator_port);
  options.connections = connection_limits(config.operator_max_connections, config.operator_max_strangers_per_address,
                                          config.operator_max_connections_per_peer);
  if (!config.operator_tls_certificate.empty()) {
    options.tls = TlsFiles{config.operator_tls_certificate, config.operator_tls_key, {}};
  }
  return options;
}

HttpServer::Options device_options(const Config& config) {
  const fs::path pki(config.pki_dir);
  HttpServer::Options options;
  options.address = config.device_address;
  options.port = port(config.device_port);
  options.connections = connection_limits(config.device_max_connections, config.device_max_strangers_per_address,
                                          config.device_max_connections_per_peer);
  options.tls = TlsFiles{pki / "server.pem", pki / "server.key", pki / "ca.pem"};
  return options;
}

HttpServer::Options metrics_options(const Config& config) {
  HttpServer::Options options;
  options.address = config.metrics_address;
  options.port = port(config.metrics_port);
  options.connections = {.connections = 64, .unsigned_per_address = 64, .per_peer = 64, .reserve = 0};
  return options;
}

namespace {

// A leader that misses three rounds of judging presence is away.
Duration longest_pause(const Config& config) {
  return std::max(Duration{30'000}, Duration{3 * config.presence_tick_ms});
}

}  // namespace

PresenceOptions presence_options(const Config& config) {
  PresenceOptions options;
  options.time_scale = config.presence_time_scale;
  options.site_label = config.presence_site_label;
  options.longest_pause = longest_pause(config);
  return options;
}

ConnectivityOptions connectivity_options(const Config& config) {
  return {.site_label = config.presence_site_label, .longest_pause = longest_pause(config)};
}

AlertOptions alert_options(const Config& config) {
  AlertOptions options;
  options.sites = {.share = config.alerts_site_dark_percent / 100,
                   .least_devices = config.alerts_site_dark_devices,
                   .label = config.presence_site_label};
  options.escalation.after = std::chrono::minutes{config.alerts_escalate_after_minutes};
  options.watch.budget = judging_budget(config.alerts_tick_ms);
  options.watch.memory_bytes = size(config.alerts_memory_mb) << 20;
  return options;
}

ReactionShare reaction_share(const Config& config) {
  return {.percent = config.alerts_reactions_percent};
}

DriftOptions drift_options(const Config& config) {
  DriftOptions options;
  options.watch.budget = judging_budget(config.drift_tick_ms);
  options.watch.limits.interval = ms(config.drift_interval_ms);
  options.rules.evidence.look = std::chrono::seconds(config.drift_look_s);
  options.watch.memory_bytes = size(config.drift_memory_mb) << 20;
  return options;
}

RuleOptions rule_options(const Config& config) {
  RuleOptions options;
  options.watch.budget = judging_budget(config.alerts_tick_ms) / 2;
  options.watch.memory_bytes = size(2 * config.alerts_memory_mb) << 20;  // the steps of a trend
  options.device_certificate_days = config.pki_device_days;
  return options;
}

TelemetryOptions telemetry_options(const Config& config) {
  TelemetryOptions options;
  options.retention_days = static_cast<int>(config.telemetry_retention_days);
  options.hours_retention_days = static_cast<int>(config.telemetry_hour_rollups_days);
  options.days_retention_days = static_cast<int>(config.telemetry_day_rollups_days);
  options.pack_after = std::chrono::minutes(config.telemetry_pack_after_minutes);
  return options;
}

PatchOptions patch_options(const Config& config) {
  PatchOptions options;
  options.limits.max_memory_bytes = static_cast<std::uint64_t>(config.patches_max_memory_mb) << 20;
  options.limits.max_file_bytes = static_cast<std::uint64_t>(config.patches_max_file_mb) << 20;
  options.limits.seconds_per_mb = config.patches_seconds_per_mb;
  options.keep_unused = std::chrono::hours(24 * config.patches_keep_days);
  options.keep_unreferred.uploads = std::chrono::hours(24 * config.retention_uploads_days);
  return options;
}

NotifyOptions notify_options(const Config& config) {
  NotifyOptions options;
  options.courier.addresses = AddressRules::parse(config.notify_allowed_networks).value();
  options.courier.ca_file = config.notify_ca_file;
  options.courier.timeout = std::chrono::seconds(config.notify_timeout_s);
  options.courier.user_agent = "argosyd " ARGOSY_VERSION;
  options.key_file = fs::path(config.store_dir) / "notify.key";
  options.public_url = public_url(config, port(config.operator_port));
  options.site_label = config.presence_site_label;
  options.retry = {.first = ms(config.notify_retry_first_ms),
                   .most = std::chrono::seconds(config.notify_retry_most_s),
                   .give_up_after = std::chrono::minutes(config.notify_give_up_minutes)};
  options.waiting.deliveries = config.notify_most_waiting;
  return options;
}

RetentionOptions retention_options(const Config& config) {
  RetentionOptions options;
  options.days = {.events = config.retention_events_days,
                  .alerts = config.retention_alerts_days,
                  .rollouts = config.retention_rollouts_days,
                  .revoked_devices = config.retention_revoked_devices_days,
                  .claims = config.retention_claims_days,
                  .tokens = config.retention_tokens_days,
                  .verdicts = config.retention_verdicts_days,
                  .presence = config.retention_presence_days,
                  .deliveries = config.retention_deliveries_days};
  return options;
}

AccessOptions access_options(const Config& config) {
  AccessOptions options;
  options.session_life = std::chrono::minutes(config.access_session_minutes);
  options.absolute_life = std::chrono::hours(24 * config.access_session_days);
  options.link_life = std::chrono::minutes(config.access_link_minutes);
  return options;
}

AuditOptions audit_options(const Config& config) {
  AuditOptions options;
  options.keep_days = config.retention_audit_days;
  options.archive = audit_archive(config);
  return options;
}

std::string public_url(const Config& config, std::uint16_t actual_port) {
  if (!config.operator_public_url.empty()) return config.operator_public_url;
  const std::string scheme = config.operator_tls_certificate.empty() ? "http" : "https";
  return scheme + "://" + config.operator_address + ":" + std::to_string(actual_port);
}

AccessApiOptions access_api_options(const Config& config) {
  const std::string url = public_url(config, port(config.operator_port));
  return {.secure_cookie = url.starts_with("https://"), .public_url = url};
}

WorkerPool::Options patch_worker_options(const Config& config) {
  return {.threads = patch_makers(config), .queue_limit = 16};
}

std::size_t patch_makers(const Config& config) {
  return size(config.patches_threads);
}

RevocationOptions revocation_options(const Config& config, CertificateAndKey authority) {
  return {std::move(authority), fs::path(config.pki_dir) / "crl.pem"};
}

EvidenceOptions evidence_options(const Config& config) {
  return {.key_file = fs::path(config.store_dir) / "evidence.key", .program = "argosyd " ARGOSY_VERSION};
}

BlobOptions blob_options(const Config& config) {
  BlobOptions options;
  options.folder = config.store_dir;
  options.max_bytes = static_cast<std::uint64_t>(config.store_max_blob_mb) << 20;
  return options;
}

RolloutOptions rollout_options(const Config& config) {
  RolloutOptions options;
  options.guard_interval = ms(config.rollouts_guard_interval_ms);
  options.busy_share = 0.05;
  options.approval_required = config.rollouts_approval;
  return options;
}

CollectorOptions collector_options(const Config& config) {
  CollectorOptions options;
  options.delay = ms(config.telemetry_batch_ms);
  return options;
}

SessionLock::Options leader_lock_options(const Config& config) {
  return {config.database_conninfo, advisory_lock::leader, ms(config.leader_check_ms), true};
}

}  // namespace argosy::server
