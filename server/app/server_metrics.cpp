#include "server/app/server_metrics.hpp"

namespace argosy::server {
namespace {

template <class Read>
void count(Metrics& metrics, const std::string& name, const std::string& help, Read read) {
  metrics.sampled(name, help, "counter", [read] { return static_cast<double>(read()); });
}

template <class Read>
void show(Metrics& metrics, const std::string& name, const std::string& help, Read read) {
  metrics.sampled(name, help, "gauge", [read] { return static_cast<double>(read()); });
}

void add_db(Metrics& metrics, DbPool& db) {
  count(metrics, "argosy_db_transactions_total", "Transactions run", [&db] { return db.counters().transactions; });
  count(metrics, "argosy_db_failures_total", "Transactions that the database failed",
        [&db] { return db.counters().failures; });
  count(metrics, "argosy_db_retries_total", "Transactions run again", [&db] { return db.counters().retries; });
  count(metrics, "argosy_db_refused_total", "Transactions refused by a full queue",
        [&db] { return db.counters().refused; });
  count(metrics, "argosy_db_connections_total", "Connections made", [&db] { return db.counters().connections; });
  show(metrics, "argosy_db_queued", "Transactions that wait", [&db] { return db.counters().queued; });
}

void add_mqtt(Metrics& metrics, MqttClient& mqtt) {
  count(metrics, "argosy_mqtt_received_total", "Messages from the broker",
        [&mqtt] { return mqtt.counters().inbox.received; });
  count(metrics, "argosy_mqtt_dropped_total", "Messages dropped: too large, too many, or on no device's topic",
        [&mqtt] {
          const auto inbox = mqtt.counters().inbox;
          return inbox.full + inbox.over_budget + inbox.too_large + inbox.unknown_topic;
        });
  count(metrics, "argosy_mqtt_over_budget_total", "Messages dropped because their device sent too much",
        [&mqtt] { return mqtt.counters().inbox.over_budget; });
  show(metrics, "argosy_mqtt_inbox_bytes", "Messages that nobody has read yet",
       [&mqtt] { return mqtt.counters().inbox_bytes; });
  count(metrics, "argosy_mqtt_published_total", "Messages the broker took",
        [&mqtt] { return mqtt.counters().published; });
  count(metrics, "argosy_mqtt_connections_total", "Connections to the broker",
        [&mqtt] { return mqtt.counters().reconnects; });
  show(metrics, "argosy_mqtt_connected", "Whether the broker is connected",
       [&mqtt] { return mqtt.connected() ? 1 : 0; });
}

void add_desired(Metrics& metrics, DesiredService& desired) {
  count(metrics, "argosy_desired_published_total", "Desired documents that the broker took",
        [&desired] { return desired.counters().published; });
  count(metrics, "argosy_desired_unbuildable_total", "Attempts to build a desired document that failed",
        [&desired] { return desired.counters().unbuildable; });
}

void add_messages(Metrics& metrics, const QuarantineService& quarantine, const StateIntake& states,
                  const BatchCollector& collector) {
  show(metrics, "argosy_quarantine", "Kinds of messages of devices that are in quarantine",
       [&quarantine] { return quarantine.counters().in_quarantine; });
  count(metrics, "argosy_quarantine_refused_total", "Messages that could not be read or stored, or were too many",
        [&quarantine] { return quarantine.counters().refused; });
  count(metrics, "argosy_quarantine_passed_over_total", "Messages that had been refused before",
        [&quarantine] { return quarantine.counters().passed_over; });
  count(metrics, "argosy_quarantine_put_off_total",
        "Messages that may have ended the server, until they are tried again",
        [&quarantine] { return quarantine.counters().put_off; });
  count(metrics, "argosy_quarantine_unmarked_total", "Messages that left no mark while they were in hand",
        [&quarantine] { return quarantine.counters().unmarked; });
  count(metrics, "argosy_states_total", "State documents read", [&states] { return states.counters().states; });
  count(metrics, "argosy_states_put_back_total", "State documents tried again because the database was not there",
        [&states] { return states.counters().put_back; });
  count(metrics, "argosy_states_dropped_total", "State documents for which there was no room",
        [&states] { return states.counters().dropped; });
  show(metrics, "argosy_states_waiting_bytes", "State documents that wait to be stored",
       [&states] { return states.counters().waiting_bytes; });
  count(metrics, "argosy_telemetry_batches_dropped_total", "Batches for which there was no room",
        [&collector] { return collector.counters().dropped; });
  show(metrics, "argosy_telemetry_waiting_bytes", "Batches that wait to be stored",
       [&collector] { return collector.counters().waiting_bytes; });
}

void add_telemetry(Metrics& metrics, TelemetryService& telemetry) {
  count(metrics, "argosy_telemetry_records_stored_total", "Records stored",
        [&telemetry] { return telemetry.counters().records_stored; });
  count(metrics, "argosy_telemetry_records_repeated_total", "Records sent again by devices",
        [&telemetry] { return telemetry.counters().records_repeated; });
  count(metrics, "argosy_telemetry_records_lost_total", "Records dropped by devices",
        [&telemetry] { return telemetry.counters().records_lost; });
  count(metrics, "argosy_telemetry_records_refused_total", "Records that devices set aside because they are refused",
        [&telemetry] { return telemetry.counters().records_refused; });
  count(metrics, "argosy_telemetry_forks_total", "Outboxes that were restored from an older image, or copied",
        [&telemetry] { return telemetry.counters().forks; });
  count(metrics, "argosy_telemetry_batches_refused_total", "Batches refused",
        [&telemetry] { return telemetry.counters().batches_refused; });
}

// The watch of drift or alerts: whether every (device, model) gets its turn.
template <class Service>
void add_watch(Metrics& metrics, const std::string& judge, Service& service, const std::function<bool()>& leading) {
  const MetricLabels labels{{"judge", judge}};
  const auto figure = [&metrics, &labels](const std::string& name, const std::string& help, const std::string& type,
                                          std::function<double()> read) {
    metrics.sampled("argosy_watch_" + name, help, type, std::move(read), labels);
  };
  const auto figures = [&service] { return service.watch_figures(wall_clock_now()); };
  figure("oldest_wait_seconds", "How long the (device, model) that is due longest has waited", "gauge",
         [figures, leading] { return leading() ? static_cast<double>(figures().oldest_wait.count()) / 1000 : 0; });
  figure("waiting", "(device, model) pairs that wait to be judged", "gauge",
         [figures, leading] { return leading() ? static_cast<double>(figures().waiting) : 0; });
  figure("judged_total", "Judgements of a (device, model)", "counter",
         [figures] { return static_cast<double>(figures().counters.judged); });
  figure("set_aside_total", "Judgements that failed on the rows of one (device, model), which is tried again later",
         "counter", [figures] { return static_cast<double>(figures().counters.set_aside); });
  figure("refused_total", "(device, model) pairs over the limit of the watch list", "counter",
         [figures] { return static_cast<double>(figures().counters.refused); });
}

void add_patches(Metrics& metrics, PatchService& patches) {
  count(metrics, "argosy_patches_ready_total", "Patches made", [&patches] { return patches.counters().ready; });
  count(metrics, "argosy_patches_declined_total", "Pairs for which no patch is of use",
        [&patches] { return patches.counters().declined; });
  count(metrics, "argosy_patches_failed_total", "Attempts that failed",
        [&patches] { return patches.counters().failed; });
  count(metrics, "argosy_patches_given_up_total", "Encodings ended because nobody wanted the patch any more",
        [&patches] { return patches.counters().given_up; });
  count(metrics, "argosy_patches_cleared_total", "Patch files deleted because nothing needs them",
        [&patches] { return patches.counters().cleared.patches; });
  count(metrics, "argosy_uploads_cleared_total", "Uploaded files deleted because no release has named them for long",
        [&patches] { return patches.counters().cleared.uploads; });
  count(metrics, "argosy_strays_cleared_total", "Files of the store deleted because no row belongs to them",
        [&patches] { return patches.counters().cleared.strays; });
  count(metrics, "argosy_cleared_bytes_total", "Bytes of the cleared patches and uploads",
        [&patches] { return patches.counters().cleared.bytes; });
}

void add_revocation(Metrics& metrics, RevocationService& revocation) {
  show(metrics, "argosy_revocations_waiting", "Certificates that ended and that the broker may still take",
       [&revocation] { return revocation.status().waiting; });
  show(metrics, "argosy_revocations_waiting_seconds", "Since when the oldest of them waits", [&revocation] {
    const auto since = revocation.status().since;
    return since ? std::chrono::duration<double>(wall_clock_now() - *since).count() : 0.0;
  });
}

double seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

void add_presence(Metrics& metrics, PresenceService& presence) {
  count(metrics, "argosy_presence_judged_total", "Devices that were due and judged",
        [&presence] { return presence.figures().judged; });
  count(metrics, "argosy_presence_wills_dropped_total", "Broken connections that were not looked at: too many at once",
        [&presence] { return presence.figures().dropped_wills; });
  show(metrics, "argosy_presence_longest_wait_seconds", "How long the device that was due longest had waited",
       [&presence] { return seconds(presence.figures().longest_wait); });
}

void add_retention(Metrics& metrics, RetentionService& retention) {
  count(metrics, "argosy_retention_removed_total", "Rows that went because they were old enough", [&retention] {
    std::uint64_t total = 0;
    for (const auto& [table, removed] : retention.removed()) total += removed;
    return total;
  });
}

void add_standing(Metrics& metrics, StandingService& standing) {
  show(metrics, "argosy_devices_known", "Devices whose certificate and wanted releases are in memory",
       [&standing] { return standing.figures().known; });
  count(metrics, "argosy_devices_from_memory_total", "Requests of devices that were known from memory",
        [&standing] { return standing.figures().from_memory; });
  count(metrics, "argosy_devices_from_database_total", "Requests of devices that the database was asked about",
        [&standing] { return standing.figures().from_database; });
}

void add_listener(Metrics& metrics, const std::string& name, const std::string& whose, const HttpServer& server) {
  const std::string prefix = "argosy_http_" + name + "_";
  show(metrics, prefix + "connections", "Open connections of " + whose, [&server] { return server.connections(); });
  show(metrics, prefix + "strangers", "Those on which nobody has signed in", [&server] { return server.strangers(); });
  count(metrics, prefix + "turned_away_total", "Connections for which there was no room",
        [&server] { return server.counters().turned_away; });
  count(metrics, prefix + "evicted_total", "Connections closed to make room for another",
        [&server] { return server.counters().evicted; });
}

}  // namespace

LoopObserver loop_observer(Metrics& metrics) {
  return [&metrics](const std::string& name, const LoopFigures& figures) {
    const MetricLabels labels{{"loop", name}};
    metrics.gauge("argosy_loop_rounds", "Rounds since the loop began", labels).set(static_cast<double>(figures.rounds));
    metrics.gauge("argosy_loop_failed_rounds", "Rounds that failed since the loop began", labels)
        .set(static_cast<double>(figures.failed));
    metrics.gauge("argosy_loop_last_round_seconds", "How long the last round took", labels).set(seconds(figures.last));
    metrics.gauge("argosy_loop_lag_seconds", "How long after its time the last round began", labels)
        .set(seconds(figures.last_lag));
  };
}

void add_server_metrics(Metrics& metrics, const ServerMetricsSources& sources) {
  add_db(metrics, sources.db);
  add_desired(metrics, sources.desired);
  add_messages(metrics, sources.quarantine, sources.states, sources.collector);
  add_telemetry(metrics, sources.telemetry);
  add_watch(metrics, "drift", sources.drift, sources.leading);
  add_watch(metrics, "alerts", sources.alerts, sources.leading);
  add_patches(metrics, sources.patches);
  add_presence(metrics, sources.presence);
  add_retention(metrics, sources.retention);
  if (sources.standing != nullptr) add_standing(metrics, *sources.standing);
  if (sources.mqtt != nullptr) add_mqtt(metrics, *sources.mqtt);
  if (sources.revocation != nullptr) add_revocation(metrics, *sources.revocation);
  show(metrics, "argosy_leading", "Whether this instance leads",
       [leading = sources.leading] { return leading() ? 1 : 0; });
  add_listener(metrics, "operator", "people and pipelines", sources.operator_server);
  if (sources.device_server != nullptr) add_listener(metrics, "device", "agents", *sources.device_server);
}

}  // namespace argosy::server
