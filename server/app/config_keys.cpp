#include "server/app/config_keys.hpp"

namespace argosy::server {
namespace {

constexpr double port_max = 65535;
constexpr double hour_ms = 3'600'000;
constexpr double ten_years_days = 3650;

const ConfigKey keys[] = {
    {"http.operator.address", &Config::operator_address, "IP address for people, pipelines and the dashboard"},
    {"http.operator.port", &Config::operator_port, "Its port; 0 takes any free one", 0, port_max},
    {"http.operator.public_url", &Config::operator_public_url,
     "How people reach it (https://argosy.example); empty: http://ADDRESS:PORT. With https, cookies are marked Secure"},
    {"http.operator.tls_certificate", &Config::operator_tls_certificate,
     "PEM chain, to serve TLS here instead of behind a proxy; empty: plain HTTP"},
    {"http.operator.tls_key", &Config::operator_tls_key, "PEM key of that certificate"},
    {"http.operator.web_root", &Config::operator_web_root, "Folder of the built dashboard; empty: the API alone"},
    {"http.operator.max_connections", &Config::operator_max_connections,
     "More are turned away; a quarter is kept for those who have signed in", 1, 100000},
    {"http.operator.max_strangers_per_address", &Config::operator_max_strangers_per_address,
     "Connections from one address (one /64) on which nobody has signed in; the oldest makes room for the next", 1,
     100000},
    {"http.operator.max_connections_per_peer", &Config::operator_max_connections_per_peer,
     "Connections of one person or token; the oldest makes room for the next", 1, 100000},
    {"http.device.enabled", &Config::device_enabled, "Serve agents; needs the files of pki.dir"},
    {"http.device.address", &Config::device_address, "IP address for agents"},
    {"http.device.port", &Config::device_port, "Its port; 0 takes any free one", 0, port_max},
    {"http.device.max_connections", &Config::device_max_connections,
     "More are turned away; a quarter is kept for devices that have shown who they are", 1, 1000000},
    {"http.device.max_strangers_per_address", &Config::device_max_strangers_per_address,
     "Connections from one address (one /64) on which no device was recognised yet; the oldest makes room for the next",
     1, 1000000},
    {"http.device.max_connections_per_peer", &Config::device_max_connections_per_peer,
     "Connections of one device; the oldest makes room for the next", 1, 1000},
    {"http.metrics.enabled", &Config::metrics_enabled,
     "Serve /metrics on a listener of its own, and not on the operators'"},
    {"http.metrics.address", &Config::metrics_address, "IP address for whoever collects the metrics; plain HTTP"},
    {"http.metrics.port", &Config::metrics_port, "Its port; 0 takes any free one", 0, port_max},
    {"pki.dir", &Config::pki_dir,
     "Folder with ca.pem, ca.key, server.pem, server.key, argosyd.pem and argosyd.key, as argosyd --init-pki makes it; "
     "crl.pem is "
     "written there"},
    {"pki.device_days", &Config::pki_device_days, "Life of a device's certificate; agents renew at two thirds", 1,
     ten_years_days},
    {"pki.way_back_days", &Config::pki_way_back_days,
     "How long after its certificate expired a device may still renew it", 0, ten_years_days},
    {"database.conninfo", &Config::database_conninfo,
     "PostgreSQL connection: key=value pairs or a postgresql:// address", 0, 0, true},
    {"database.threads", &Config::database_threads, "Connections, one a thread", 1, 64},
    {"database.queue_limit", &Config::database_queue_limit, "Transactions that may wait; more are answered with 503", 1,
     1000000},
    {"database.statement_timeout_ms", &Config::database_statement_timeout_ms, "Longest statement", 100, hour_ms},
    {"mqtt.enabled", &Config::mqtt_enabled, "Talk to the broker; without it devices poll"},
    {"mqtt.uri", &Config::mqtt_uri, "Broker as argosyd reaches it; the leading instance alone connects"},
    {"mqtt.agent_host", &Config::mqtt_agent_host,
     "Broker's host as agents reach it, told to them when they enrol; empty: the host of mqtt.uri"},
    {"mqtt.agent_port", &Config::mqtt_agent_port, "Broker's port as agents reach it", 1, port_max},
    {"devices.messages_per_s", &Config::devices_messages_per_s,
     "Messages that one device may send, ten seconds' worth at once; more is dropped, counted and told", 0.1, 1e6},
    {"devices.kb_per_s", &Config::devices_kb_per_s,
     "Kilobytes that one device may send, ten seconds' worth at once, 4 MB at the least", 1, 1e6},
    {"store.dir", &Config::store_dir, "Folder of models, data sets and patches; shared by all instances"},
    {"store.max_blob_mb", &Config::store_max_blob_mb, "Largest upload", 1, 1048576},
    {"patches.threads", &Config::patches_threads, "Patches made at once", 1, 64},
    {"patches.max_memory_mb", &Config::patches_max_memory_mb,
     "Memory for one patch; pairs of models that need more are sent whole", 16, 1048576},
    {"patches.max_file_mb", &Config::patches_max_file_mb, "Larger files are sent whole", 1, 1048576},
    {"patches.seconds_per_mb", &Config::patches_seconds_per_mb,
     "Time to make a patch, for each megabyte of both files; a minute at the least", 0.01, 3600},
    {"patches.keep_days", &Config::patches_keep_days, "Life of a patch after the last device left its old file", 1,
     ten_years_days},
    {"access.session_minutes", &Config::access_session_minutes, "A session ends after so long without use", 1, 525600},
    {"access.link_minutes", &Config::access_link_minutes, "Life of a one-time login link", 1, 525600},
    {"leader.check_ms", &Config::leader_check_ms, "How often an instance looks whether it leads", 100, 60000},
    {"presence.time_scale", &Config::presence_time_scale,
     "Below 1, devices count as late and offline that much sooner; for demonstrations", 0.001, 10},
    {"presence.tick_ms", &Config::presence_tick_ms, "How often presence is judged", 50, 60000},
    {"rollouts.tick_ms", &Config::rollouts_tick_ms, "How often rollouts are moved on", 50, 60000},
    {"rollouts.guard_interval_ms", &Config::rollouts_guard_interval_ms, "How often a rollout's guards are measured", 50,
     hour_ms},
    {"alerts.tick_ms", &Config::alerts_tick_ms, "How often alerts are judged", 50, 60000},
    {"drift.tick_ms", &Config::drift_tick_ms, "How often devices that are due are judged for drift", 50, 60000},
    {"drift.interval_ms", &Config::drift_interval_ms, "How often one device's model is judged for drift", 50,
     24 * hour_ms},
    {"drift.samples", &Config::drift_samples, "Newest inputs in the rolling histogram", 100, 1e7},
    {"telemetry.retention_days", &Config::telemetry_retention_days, "Windows and health samples are kept so long", 1,
     ten_years_days},
    {"telemetry.batch_ms", &Config::telemetry_batch_ms, "Telemetry waits at most so long to be stored together", 1,
     10000},
    {"shutdown.grace_ms", &Config::shutdown_grace_ms, "Time for running requests when argosyd is asked to stop", 0,
     600000},
    {"log.level", &Config::log_level, "trace, debug, info, warn or error"},
};

}  // namespace

std::span<const ConfigKey> config_keys() {
  return keys;
}

}  // namespace argosy::server
