// From the configuration to the options of each part: where units change and what is not configured gets its value.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "server/access/access_api.hpp"
#include "server/access/access_service.hpp"
#include "server/access/audit_service.hpp"
#include "server/alerts/alert_service.hpp"
#include "server/app/config.hpp"
#include "server/db/db_pool.hpp"
#include "server/db/session_lock.hpp"
#include "server/devices/connectivity_service.hpp"
#include "server/devices/enrolment_service.hpp"
#include "server/devices/presence_service.hpp"
#include "server/devices/revocation_service.hpp"
#include "server/devices/suggestion.hpp"
#include "server/drift/drift_service.hpp"
#include "server/http/http_server.hpp"
#include "server/models/blob_service.hpp"
#include "server/models/patch_service.hpp"
#include "server/monitoring/otlp_exporter_service.hpp"
#include "server/mqtt/mqtt_client.hpp"
#include "server/notify/notify_service.hpp"
#include "server/quarantine/quarantine_service.hpp"
#include "server/retention/retention_service.hpp"
#include "server/rollouts/evidence/evidence_service.hpp"
#include "server/rollouts/rollout_service.hpp"
#include "server/rules/reaction.hpp"
#include "server/rules/rule_service.hpp"
#include "server/telemetry/batch_collector.hpp"
#include "server/telemetry/telemetry_service.hpp"
#include "server/work/worker_pool.hpp"

namespace argosy::server {

DbPool::Options db_options(const Config& config);
SessionLock::Options leader_lock_options(const Config& config);
MqttClient::Options mqtt_options(const Config& config);        // of the one that leads
MqttClient::Options mqtt_share_options(const Config& config);  // of each that takes a share of the telemetry
// Whether that will do: an error names the key.
Result<void> check_otlp(const Config& config);
OtlpOptions otlp_options(const Config& config, OtlpTarget target, std::string instance);

HttpServer::Options operator_options(const Config& config);
HttpServer::Options device_options(const Config& config);
HttpServer::Options metrics_options(const Config& config);
// Where people reach the server, for links; `actual_port` is that of its listener.
std::string public_url(const Config& config, std::uint16_t actual_port);

AccessOptions access_options(const Config& config);
AccessApiOptions access_api_options(const Config& config);
AuditOptions audit_options(const Config& config);

EnrolmentOptions enrolment_options(const Config& config, CertificateAndKey authority);
RevocationOptions revocation_options(const Config& config, CertificateAndKey authority);
SuggestionRule suggestion_rule(const Config& config);
PresenceOptions presence_options(const Config& config);
ConnectivityOptions connectivity_options(const Config& config);
QuarantineService::Options quarantine_options(const Config& config);

BlobOptions blob_options(const Config& config);
PatchOptions patch_options(const Config& config);
WorkerPool::Options patch_worker_options(const Config& config);
std::size_t patch_makers(const Config& config);  // patches that are made at once

RolloutOptions rollout_options(const Config& config);
TelemetryOptions telemetry_options(const Config& config);
CollectorOptions collector_options(const Config& config);
AlertOptions alert_options(const Config& config);
ReactionShare reaction_share(const Config& config);
DriftOptions drift_options(const Config& config);
RuleOptions rule_options(const Config& config);
EvidenceOptions evidence_options(const Config& config);
NotifyOptions notify_options(const Config& config);
RetentionOptions retention_options(const Config& config);

}  // namespace argosy::server
