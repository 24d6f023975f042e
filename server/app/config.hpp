// The configuration of argosyd, read once at start: a TOML file, then the environment, then flags; the last one wins.
// Every key is declared in config_keys.cpp with its bounds and its help, from which --help and docs/operations.md come.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/base/error.hpp"

namespace argosy::server {

struct Config {
  // operator listener
  std::string operator_address = "127.0.0.1";
  std::int64_t operator_port = 8080;
  std::string operator_public_url;
  std::string operator_tls_certificate;
  std::string operator_tls_key;
  std::string operator_web_root;
  std::int64_t operator_max_connections = 1024;
  std::string operator_trusted_proxies;
  std::int64_t operator_max_strangers_per_address = 64;
  std::int64_t operator_max_connections_per_peer = 64;
  // device listener
  bool device_enabled = true;
  std::string device_address = "0.0.0.0";
  std::int64_t device_port = 8443;
  std::int64_t device_max_connections = 10000;
  std::int64_t device_max_strangers_per_address = 64;
  std::int64_t device_max_connections_per_peer = 16;
  // metrics on a listener of their own
  bool metrics_enabled = false;
  std::string metrics_address = "127.0.0.1";
  std::int64_t metrics_port = 9464;
  // figures that are sent to a collector
  std::string otlp_endpoint;
  std::int64_t otlp_interval_s = 60;
  std::string otlp_headers;
  std::int64_t otlp_timeout_s = 10;
  std::string otlp_ca_file;
  // fleet certificates
  std::string pki_dir = "/etc/argosy/pki";
  std::int64_t pki_device_days = 90;
  std::int64_t pki_way_back_days = 180;
  // PostgreSQL
  std::string database_conninfo = "dbname=argosy";
  std::int64_t database_threads = 4;
  std::int64_t database_queue_limit = 1024;
  std::int64_t database_statement_timeout_ms = 15000;
  // MQTT
  bool mqtt_enabled = true;
  std::string mqtt_uri = "ssl://127.0.0.1:8883";
  std::int64_t mqtt_share = 0;
  std::string mqtt_agent_host;
  std::int64_t mqtt_agent_port = 8883;
  // what one device may send
  double devices_messages_per_s = 20;
  double devices_kb_per_s = 512;
  std::string devices_take_suggested;
  // blobs and patches
  std::string store_dir = "/var/lib/argosy/store";
  std::int64_t store_max_blob_mb = 16384;
  std::int64_t patches_threads = 1;
  std::int64_t patches_max_memory_mb = 1024;
  std::int64_t patches_max_file_mb = 4096;
  double patches_seconds_per_mb = 2;
  std::int64_t patches_keep_days = 30;
  // people
  std::int64_t access_session_minutes = 720;
  std::int64_t access_session_days = 7;
  std::int64_t access_link_minutes = 1440;
  // rhythm
  std::int64_t leader_check_ms = 2000;
  double presence_time_scale = 1.0;
  std::int64_t presence_tick_ms = 1000;
  std::string presence_site_label = "site";
  std::int64_t rollouts_tick_ms = 1000;
  std::int64_t rollouts_guard_interval_ms = 2000;
  bool rollouts_approval = false;
  std::int64_t alerts_tick_ms = 1000;
  std::int64_t alerts_memory_mb = 64;
  double alerts_site_dark_percent = 30;
  std::int64_t alerts_site_dark_devices = 5;
  std::int64_t alerts_escalate_after_minutes = 60;
  double alerts_reactions_percent = 10;
  std::int64_t drift_tick_ms = 1000;
  std::int64_t drift_interval_ms = 60000;
  std::int64_t drift_look_s = 86'400;
  std::int64_t drift_memory_mb = 160;
  std::string notify_allowed_networks;
  std::string notify_ca_file;
  std::int64_t notify_tick_ms = 1000;
  std::int64_t notify_timeout_s = 15;
  std::int64_t notify_retry_first_ms = 5000;
  std::int64_t notify_retry_most_s = 900;
  std::int64_t notify_give_up_minutes = 2880;
  std::int64_t notify_most_waiting = 5000;
  std::int64_t telemetry_retention_days = 30;
  std::int64_t telemetry_hour_rollups_days = 90;
  std::int64_t telemetry_day_rollups_days = 1095;
  std::int64_t telemetry_pack_after_minutes = 10;
  std::int64_t retention_events_days = 90;
  std::int64_t retention_alerts_days = 180;
  std::int64_t retention_rollouts_days = 365;
  std::int64_t retention_revoked_devices_days = 365;
  std::int64_t retention_claims_days = 90;
  std::int64_t retention_tokens_days = 365;
  std::int64_t retention_verdicts_days = 90;
  std::int64_t retention_presence_days = 30;
  std::int64_t retention_deliveries_days = 30;
  std::int64_t retention_uploads_days = 90;
  std::int64_t telemetry_batch_ms = 100;
  std::int64_t retention_audit_days = 730;
  std::string retention_audit_archive;
  std::int64_t shutdown_grace_ms = 10000;
  std::string log_level = "info";
};

struct ConfigSources {
  std::string toml = {};       // the text of the file; empty: none
  std::string toml_name = {};  // for messages
  std::map<std::string, std::string> environment = {};
  std::vector<std::pair<std::string, std::string>> flags = {};  // key and value: {"http.operator.port", "9000"}
};

// Errc::unknown_key names the nearest known key; Errc::invalid_argument names key, value and bounds.
Result<Config> read_config(const ConfigSources& sources);

// The reference of all keys: as text for --help, as a Markdown table for docs/operations.md.
std::string config_help();
std::string config_markdown();

// Where old rows of the audit log go.
std::string audit_archive(const Config& config);

// The environment variable of a key: "http.operator.port" is ARGOSY_HTTP_OPERATOR_PORT.
std::string environment_name(std::string_view key);

}  // namespace argosy::server
