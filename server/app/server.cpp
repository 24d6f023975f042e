#include "server/app/server.hpp"

#include <iostream>
#include <optional>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include "common/base/file.hpp"
#include "common/crypto/token.hpp"
#include "common/wire/diagnostics.hpp"
#include "server/access/access_api.hpp"
#include "server/access/audit_service.hpp"
#include "server/access/authenticator.hpp"
#include "server/access/authorization.hpp"
#include "server/access/idempotency.hpp"
#include "server/alerts/alert_api.hpp"
#include "server/app/device_messages.hpp"
#include "server/app/init_pki.hpp"
#include "server/app/leader_work.hpp"
#include "server/app/part_options.hpp"
#include "server/app/system_api.hpp"
#include "server/base/loop.hpp"
#include "server/base/metrics.hpp"
#include "server/base/round_of.hpp"
#include "server/db/advisory_locks.hpp"
#include "server/db/db_pool.hpp"
#include "server/db/migrations.hpp"
#include "server/db/notifications.hpp"
#include "server/db/session_lock.hpp"
#include "server/devices/connectivity_api.hpp"
#include "server/devices/device_api.hpp"
#include "server/devices/diagnostics_api.hpp"
#include "server/devices/diagnostics_service.hpp"
#include "server/devices/revocation_service.hpp"
#include "server/devices/standing_service.hpp"
#include "server/drift/drift_api.hpp"
#include "server/events/event_api.hpp"
#include "server/events/event_service.hpp"
#include "server/http/http_server.hpp"
#include "server/http/open_exchanges.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/labels/label_api.hpp"
#include "server/labels/label_service.hpp"
#include "server/models/draft_api.hpp"
#include "server/models/model_api.hpp"
#include "server/models/patch_api.hpp"
#include "server/monitoring/fleet_figures_service.hpp"
#include "server/monitoring/otlp_exporter_service.hpp"
#include "server/monitoring/process_figures.hpp"
#include "server/monitoring/served_figures.hpp"
#include "server/mqtt/broker_visit.hpp"
#include "server/notify/notify_api.hpp"
#include "server/overview/overview_service.hpp"
#include "server/quarantine/quarantine_api.hpp"
#include "server/rollouts/assignment_api.hpp"
#include "server/rollouts/evidence/evidence_api.hpp"
#include "server/rollouts/guards/panel_store.hpp"
#include "server/rollouts/recall_api.hpp"
#include "server/rollouts/rollout_api.hpp"
#include "server/rollouts/validation_api.hpp"
#include "server/rules/reaction_api.hpp"
#include "server/rules/reaction_service.hpp"
#include "server/rules/rule_api.hpp"
#include "server/rules/rule_progress.hpp"
#include "server/telemetry/query/query_api.hpp"
#include "server/telemetry/query/query_service.hpp"
#include "server/telemetry/stored/packing_service.hpp"
#include "server/telemetry/telemetry_api.hpp"
#include "server/telemetry/telemetry_store.hpp"
#include "server/telemetry/window_news_service.hpp"
#include "server/work/worker_pool.hpp"

namespace argosy::server {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr Duration people_check_interval{10'000};  // sessions and tokens end by time, too
constexpr Duration failures_interval{10'000};
constexpr Duration revocation_interval{300};
constexpr std::string_view device_prefix = "/device/";

Result<CertificateAndKey> read_authority(const Config& config) {
  if (!config.device_enabled) return CertificateAndKey{};
  CertificateAndKey authority;
  ARGOSY_TRY(authority.certificate_pem, read_file(fs::path(config.pki_dir) / "ca.pem"));
  ARGOSY_TRY(authority.private_key_pem, read_file(fs::path(config.pki_dir) / "ca.key"));
  return authority;
}

// A broker that never lets us in would say less of why.
Result<void> check_share(const Config& config) {
  if (!config.mqtt_enabled || config.mqtt_share == 0) return {};
  const fs::path certificate = fs::path(config.pki_dir) / (broker_name(config.mqtt_share) + ".pem");
  if (fs::exists(certificate)) return {};
  return make_error(Errc::not_found, "mqtt.share=" + std::to_string(config.mqtt_share) + " needs " +
                                         certificate.string() +
                                         ": run argosyd --init-pki again, which keeps all that exists");
}

// Those of windows: with the model "" comes word of health.
std::vector<UnheardPair> with_windows(std::vector<UnheardPair> pairs) {
  std::erase_if(pairs, [](const UnheardPair& pair) { return pair.model.empty(); });
  return pairs;
}

Task<Result<bool>> is_current(StandingService& standing, PeerCertificate certificate) {
  ARGOSY_CO_TRY(const Digest fingerprint, Digest::parse(certificate.fingerprint));
  co_return co_await standing.is_current(DeviceId(certificate.common_name), fingerprint);
}

Task<Result<bool>> visit(asio::any_io_executor io, BrokerVisit as) {
  co_return co_await visit_broker(io, std::move(as));
}

Task<Result<void>> keep_at_broker(MqttClient& mqtt, std::string topic, std::string payload) {
  co_return co_await mqtt.publish(std::move(topic), std::move(payload), true);
}

BrokerDoor broker_door(asio::any_io_executor io, const Config& config, std::string ca_pem,
                       std::unique_ptr<MqttClient>& mqtt) {
  if (!config.mqtt_enabled) return {};
  BrokerDoor door;
  door.visit = [io, uri = config.mqtt_uri, ca_pem](std::string name, CertificateAndKey identity) {
    return visit(
        io, {uri, ca_pem, std::move(identity.certificate_pem), std::move(identity.private_key_pem), std::move(name)});
  };
  door.publish = [&mqtt](std::string topic, std::string payload) {
    return keep_at_broker(*mqtt, std::move(topic), std::move(payload));
  };
  return door;
}

// The agent takes the batch apart until the record at fault is alone.
Task<void> send_refusal(MqttClient& mqtt, MessageId message, Error error) {
  const wire::TelemetryRefusal refusal{message.digest.to_hex().substr(0, 16), error.message};
  // Without an answer it is sent again.
  co_await mqtt.publish("argosy/v1/" + message.device + "/down/ack", wire::encode(refusal), false);
}

Task<Result<void>> check_people(OpenExchanges& exchanges) {
  exchanges.check_people();
  co_return Result<void>{};
}

Task<Result<void>> recount(DeviceService& devices) {
  ARGOSY_CO_TRY(const std::size_t wrong, co_await devices.recount());
  if (wrong > 0) spdlog::warn("{} counts of the fleet were wrong and are right now", wrong);
  co_return Result<void>{};
}

Task<void> stop_all(PatchService& patches, LeaderWork& leader, BatchCollector& collector, Loops& loops,
                    std::shared_ptr<asio::steady_timer> done) {
  co_await patches.stop();
  co_await leader.ended();
  co_await collector.stop();
  co_await loops.stop();
  done->cancel();
}

// Waits for the rounds that are under way, but no longer than `grace`: one may wait for a database that is gone.
Task<void> end_work(asio::any_io_executor io, PatchService& patches, LeaderWork& leader, BatchCollector& collector,
                    Loops& loops, Duration grace) {
  const auto done = std::make_shared<asio::steady_timer>(io, grace);
  asio::co_spawn(io, stop_all(patches, leader, collector, loops, done), asio::detached);
  co_await done->async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace

struct Server::Parts {
  Parts(asio::io_context& context, const Config& given, CertificateAndKey authority,
        std::function<Result<BlobService>(Parts&)> make_blobs);

  asio::any_io_executor io;
  Config config;
  Metrics metrics;

  DbPool db{io, db_options(config)};
  WorkerPool worker{io, {.threads = 1, .queue_limit = 1024}};  // digests of uploads
  WorkerPool password_worker{io, {.threads = 1, .queue_limit = 64}};
  WorkerPool telemetry_readers{io, {.threads = 2, .queue_limit = 64}};
  WorkerPool file_reader{io, {.threads = 1, .queue_limit = 20000}};  // downloads
  WorkerPool patch_worker{io, patch_worker_options(config)};

  QuarantineService quarantine{db, quarantine_options(config)};
  DeviceService devices{db, suggestion_rule(config)};
  std::optional<EnrolmentService> enrolment;    // nothing without a device listener
  std::optional<RevocationService> revocation;  // likewise
  std::optional<StandingService> standing;      // likewise
  PresenceService presence{db, presence_options(config)};
  ConnectivityService connectivity{db, connectivity_options(config)};
  Result<BlobService> blobs;
  std::optional<ModelService> models;
  std::optional<PatchService> patches;
  std::optional<RolloutService> rollouts;
  EvidenceService evidence{db, worker, evidence_options(config)};
  DesiredService desired{db};
  DownloadPermits permits{[this](DeviceId device) { return desired.get(std::move(device)); }};
  TelemetryService telemetry{db, telemetry_options(config)};
  PackingService packing{db};
  std::string instance = random_token();  // this one, from this start on
  WindowNews window_news{db, instance};
  ServedFigures served;
  DriftService drift{db, drift_options(config)};
  AlertService alerts{db, alert_options(config)};
  RuleService rules{db, rule_options(config),
                    [this](const AgainstUsual& usual) { alerts.use(latency_rule_of(usual)); }};
  ReactionService reactions{db, stable_hash(1, instance), reaction_share(config)};
  DiagnosticsService diagnostics{db, stable_hash(2, instance)};
  EventService events{io, db, {.observe = loop_observer(metrics)}};
  NotifyService notify{io, db, worker, notify_options(config)};
  RetentionService retention{db, retention_options(config)};
  OverviewService overview{db};
  FleetFiguresService fleet_figures{db};
  QueryService telemetry_queries{db};
  LabelService labels{db, [this](const std::string& device, const std::string& document) {
                        if (mqtt) mqtt->send("argosy/v1/" + device + "/down/ack", document);
                      }};
  AccessService access{db, password_worker, access_options(config)};

  AuditService audit{db, worker, audit_options(config)};

  std::unique_ptr<MqttClient> mqtt;   // the leader's
  std::unique_ptr<MqttClient> share;  // of the telemetry; null: the leader takes all of it
  TelemetryIntake telemetry_intake{quarantine};
  RepeatedError telemetry_refusals{"telemetry that is not taken"};
  std::unique_ptr<BatchCollector> collector;
  std::unique_ptr<StateIntake> states;
  std::unique_ptr<DeviceMessages> messages;
  std::unique_ptr<LeaderWork> leader;
  Loops loops{io, loop_observer(metrics)};  // what every instance does
  std::unique_ptr<SessionLock> lead;
  bool holds_lead = false;
  std::unique_ptr<Loop> upkeep;  // on every instance

  Authenticator authenticator{access, [this](PeerCertificate peer) { return is_current(*standing, std::move(peer)); }};
  OpenExchanges exchanges{
      io, [this](const Request& head, Permission wanted) { return authenticator.still_allowed(head, wanted); }};
  std::unique_ptr<Notifications> authority_news;
  std::unique_ptr<Loops> authority_rounds;  // what each instance does, whether it leads or not
  StaticFiles dashboard{config.operator_web_root};
  Router operator_router;
  Router device_router;
  Idempotency idempotency{db, operator_router};
  Router metrics_router;
  std::unique_ptr<HttpServer> operator_server;
  std::unique_ptr<HttpServer> device_server;
  std::unique_ptr<HttpServer> metrics_server;  // null: the operators' listener serves them
  std::unique_ptr<OtlpExporter> exporter;      // null: nobody is sent any

  void connect_parts();
  void connect_reactions();
  void connect_broker();
  MqttClient* telemetry_broker() const;
  Task<std::vector<FigureFamily>> all_figures();
  void start_export();
  void make_enrolment(CertificateAndKey authority);
  void add_leader_jobs();
  void add_routes();
  void make_listeners();
  void add_figures();
  void watch_authority();
  Dispatcher dispatcher(const std::string& listener, const Router& router, const StaticFiles* files);
  Task<Result<Response>> within_budget(const Route& route, Request& request);
};

Server::Parts::Parts(asio::io_context& context, const Config& given, CertificateAndKey authority,
                     std::function<Result<BlobService>(Parts&)> make_blobs)
    : io(context.get_executor()), config(given), blobs(make_blobs(*this)) {
  if (!blobs) return;
  if (config.device_enabled) make_enrolment(std::move(authority));
  models.emplace(db, *blobs);
  PatchOptions making = patch_options(config);
  making.observe = loop_observer(metrics);
  patches.emplace(db, *blobs, patch_worker, making);
  rollouts.emplace(db, *patches, rollout_options(config));
  connect_parts();
  add_routes();
  make_listeners();
  add_figures();
}

void Server::Parts::make_enrolment(CertificateAndKey authority) {
  BrokerDoor broker = broker_door(io, config, authority.certificate_pem, mqtt);
  revocation.emplace(db, revocation_options(config, authority), std::move(broker));
  revocation->on_ended([this](const EndedCertificate& ended) {
    if (device_server) device_server->close_connections_of(ended.fingerprint);
    if (ended.clear_traces) permits.forget(ended.device);
    standing->forget(DeviceId(ended.device));
  });
  enrolment.emplace(db, enrolment_options(config, std::move(authority)));
  standing.emplace(
      io, db, [this](DeviceId device, Digest print) { return enrolment->is_current(std::move(device), print); },
      StandingOptions{.conninfo = config.database_conninfo, .memory = {}});
  devices.on_revoked([this](const DeviceId& device) { standing->forget(device); });
}

// Who hears whom: telemetry feeds drift and alerts, the broker feeds the capabilities, the lock decides who leads.
void Server::Parts::connect_parts() {
  telemetry.also_store({[note = window_news.note()](pqxx::work& transaction, const TakenTelemetry& taken) {
    feed_panels(transaction, taken);
    note.keep(transaction, taken);
  }});
  telemetry.add_listener([this](const std::vector<TakenWindow>& windows) {
    const Instant now = wall_clock_now();
    window_news.count(windows, now);
    served.add(windows, now);
    if (!leader->leading()) return;  // the one that leads finds them noted
    drift.take(windows, now);
    alerts.take(windows, now);
    rules.take(windows, now);
  });
  telemetry.on_health([this](const std::vector<TakenHealth>& health) {
    if (leader->leading()) rules.take(health, wall_clock_now());
  });
  telemetry.on_doubt([this](const std::set<std::string>& devices) {
    drift.doubt(devices, wall_clock_now());
    alerts.doubt(devices, wall_clock_now());
    rules.doubt(devices, wall_clock_now());
  });
  window_news.on_unheard([this](const std::vector<UnheardPair>& pairs) {
    rules.take(pairs, wall_clock_now());
    const auto of_models = with_windows(pairs);
    drift.take(of_models, wall_clock_now());
    alerts.take(of_models, wall_clock_now());
  });

  connect_broker();
  collector = std::make_unique<BatchCollector>(
      io, BatchCollector::Parts{telemetry, telemetry_intake, telemetry_readers},
      [this](const std::string& device, const wire::TelemetryAck& ack) {
        if (MqttClient* to = telemetry_broker()) to->send("argosy/v1/" + device + "/down/ack", wire::encode(ack));
      },
      [this](const MessageId& message, const Error& error) {
        telemetry_refusals.report(Error(error).within(message.device));
        const bool of_content = error.code != Errc::forbidden;
        MqttClient* to = telemetry_broker();
        if (to != nullptr && of_content) asio::co_spawn(io, send_refusal(*to, message, error), asio::detached);
      },
      collector_options(config));
  states = std::make_unique<StateIntake>(io, StateIntake::Parts{devices, *rollouts, quarantine});
  messages = std::make_unique<DeviceMessages>(DeviceMessages::Parts{*states, presence, *collector, quarantine});
  leader = std::make_unique<LeaderWork>(io, LeaderWork::Parts{desired, presence, *rollouts, mqtt.get()},
                                        Duration{config.rollouts_tick_ms}, loop_observer(metrics));
  leader->on_term([this](std::optional<Fence> term) { window_news.leads(term); });
  connect_reactions();
  add_leader_jobs();
}

// What rules do is done by those whose it is.
void Server::Parts::connect_reactions() {
  reactions.use(
      {.pause_rollouts = [this](std::int64_t id, Instant now) { return rollouts->pause_for_reaction(id, now); },
       .roll_back = [this](std::int64_t id, Instant now) { return rollouts->send_back_for_reaction(id, now); },
       .diagnostics = [this](std::int64_t id, Instant now) { return diagnostics.ask_for_reaction(id, now); }});
  diagnostics.use([this](const DiagnosticsQuestion& question) {
    if (mqtt) mqtt->send("argosy/v1/" + question.device + "/down/ask", wire::encode(wire::DiagnosticsAsk{question.id}));
  });
}

void Server::Parts::connect_broker() {
  if (!config.mqtt_enabled) return;
  MqttClient::Handlers handlers;
  handlers.on_messages = [this](std::vector<MqttMessage> batch) { messages->take(std::move(batch)); };
  handlers.on_refusals = [this](std::vector<MqttRefusals> refusals) { messages->take_refusals(refusals); };
  if (config.mqtt_share > 0) share = std::make_unique<MqttClient>(io, mqtt_share_options(config), handlers);
  handlers.on_connected = [this] {
    leader->broker_is_back();
    if (revocation) revocation->broker_is_back();
  };
  mqtt = std::make_unique<MqttClient>(io, mqtt_options(config), std::move(handlers));
  presence.watch_while([this] { return mqtt->connected(); });
}

// What came through it is answered through it.
MqttClient* Server::Parts::telemetry_broker() const {
  return share ? share.get() : mqtt.get();
}

// What comes round on the instance that leads.
void Server::Parts::add_leader_jobs() {
  const auto every = [this](const char* name, Duration interval, Loop::Round round) {
    leader->add({.name = name, .interval = interval}, std::move(round));
  };
  every("telemetry upkeep", 60s, round_of<&TelemetryService::tick>(telemetry));
  every("packing of telemetry", 2s, round_of<&PackingService::tick>(packing));
  every("access upkeep", 60s, round_of<&AccessService::tick>(access));
  every("sealing the audit log", 1s, round_of<&AuditService::seal>(audit));
  every("archiving the audit log", 60s, round_of<&AuditService::archive>(audit));
  every("retention", 60s, round_of<&RetentionService::tick>(retention));
  every("presence", Duration{config.presence_tick_ms}, round_of<&PresenceService::tick>(presence));
  every("fleet counts", 1s, round_of<&DeviceService::fold_counts>(devices));
  every("recount of the fleet", 1h, [this](Instant) { return recount(devices); });
  every("drift", Duration{config.drift_tick_ms}, round_of<&DriftService::tick>(drift));
  every("alerts", Duration{config.alerts_tick_ms}, round_of<&AlertService::tick>(alerts));
  every("rules", Duration{config.alerts_tick_ms}, round_of<&RuleService::tick>(rules));
  every("reactions of rules", 1s, round_of<&ReactionService::tick>(reactions));
  every("diagnostics", 1s, round_of<&DiagnosticsService::tick>(diagnostics));
  every("windows of other instances", 1s, round_of<&WindowNews::take_unheard>(window_news));
  every("notifications", Duration{config.notify_tick_ms}, round_of<&NotifyService::tick>(notify));
  every("alerts told again", 60s, round_of<&NotifyService::refresh_alertmanagers>(notify));
  every("word of labels", 1s, round_of<&LabelService::tell_devices>(labels));
  every("labels that end", 60s, round_of<&LabelService::tidy>(labels));
  every("worst lists", 5s, round_of<&AlertService::tell_worst>(alerts));
  leader->add_last(round_of<&DriftService::hand_over>(drift));
  leader->add_last(round_of<&AlertService::hand_over>(alerts));
  leader->add_last(round_of<&RuleService::hand_over>(rules));
  every("demand for patches", 15s, round_of<&PatchService::count_demand>(*patches));
  every("clearing patches", 5min, round_of<&PatchService::clear>(*patches));
}

void Server::Parts::add_routes() {
  Router all;
  Router& for_collectors = config.metrics_enabled ? metrics_router : all;
  add_metrics_route(for_collectors, metrics);
  add_fleet_metrics_route(for_collectors, fleet_figures);
  add_system_routes(all, db, [this] {
    return SystemStatus{leader->leading(), mqtt && mqtt->connected(),
                        revocation ? revocation->status() : RevocationStatus{}};
  });
  add_session_routes(all, access, access_api_options(config));
  add_account_routes(all, access, access_api_options(config));
  add_audit_routes(all, audit);
  add_device_routes(all, devices);
  add_connectivity_routes(all, connectivity);
  add_diagnostics_routes(all, diagnostics);
  if (enrolment) add_enrolment_routes(all, *enrolment);
  add_model_routes(all, *models);
  add_draft_routes(all, *models);
  add_patch_routes(all, *patches);
  add_blob_routes(all, *blobs);
  add_device_blob_routes(all, *blobs, permits);
  add_rollout_routes(all, *rollouts);
  add_recall_routes(all, *rollouts);
  add_assignment_routes(all, *rollouts);
  add_validation_routes(all, *rollouts);
  add_evidence_routes(all, evidence);
  add_desired_routes(all, desired, [this](std::string_view device) {
    return standing ? standing->desired_rev(device) : std::optional<std::int64_t>();
  });
  add_telemetry_routes(all, telemetry);
  add_query_routes(all, telemetry_queries);
  add_device_telemetry_routes(all, *collector);
  add_label_routes(all, labels);
  add_device_label_routes(all, labels);
  add_device_state_routes(all, *states);
  add_quarantine_routes(all, quarantine);
  add_drift_routes(all, drift);
  add_alert_routes(all, alerts);
  add_rule_routes(all, rules);
  add_reaction_routes(all, reactions);
  add_event_routes(all, events);
  add_notify_routes(all, notify);
  add_overview_routes(all, overview);
  for (const Route& route : all.routes()) {
    Router& where = route.path.starts_with(device_prefix) ? device_router : operator_router;
    where.add(route);
  }
}

Dispatcher Server::Parts::dispatcher(const std::string& listener, const Router& router, const StaticFiles* files) {
  Dispatcher::Options options;
  options.listener = listener;
  options.router = &router;
  options.files = files;
  options.metrics = &metrics;
  options.exchanges = &exchanges;
  options.authenticate = [this](const Request& request) { return authenticator.authenticate(request); };
  options.authorize = authorize;
  options.around = [this](const Route& route, Request& request) { return within_budget(route, request); };
  if (listener == "operator") {
    options.proxies = TrustedProxies::parse(config.operator_trusted_proxies).value();
    options.around = [this](const Route& route, Request& request) { return idempotency.around(route, request); };
  }
  return Dispatcher(std::move(options));
}

// Whatever a device asks for counts against what it may send.
Task<Result<Response>> Server::Parts::within_budget(const Route& route, Request& request) {
  if (request.principal.kind == Principal::Kind::device)
    ARGOSY_CO_CHECK(quarantine.spend(request.principal.name, request.body.size(), request.now));
  co_return co_await handle_with_origin(route, request);
}

// A right that ends, whoever ended it on whichever instance, ends what goes on under it here.
void Server::Parts::watch_authority() {
  authority_news = std::make_unique<Notifications>(
      io, Notifications::Options{.conninfo = config.database_conninfo, .channel = "argosy_authority"},
      [this](const News& news) {
        for (const std::string& authority : news.payloads) exchanges.check(authority);
        if (news.gap) exchanges.check_all();
      });
  authority_rounds = std::make_unique<Loops>(io, loop_observer(metrics));
  authority_rounds->add({.name = "open exchanges", .interval = people_check_interval},
                        [this](Instant) { return check_people(exchanges); });
  authority_rounds->add({.name = "failed sign-ins", .interval = failures_interval},
                        [this](Instant now) { return access.write_failures(now); });
}

void Server::Parts::make_listeners() {
  operator_server = std::make_unique<HttpServer>(io, operator_options(config),
                                                 dispatcher("operator", operator_router, &dashboard), file_reader);
  if (enrolment) {
    device_server = std::make_unique<HttpServer>(io, device_options(config),
                                                 dispatcher("device", device_router, nullptr), file_reader);
  }
  if (config.metrics_enabled) {
    metrics_server = std::make_unique<HttpServer>(io, metrics_options(config),
                                                  dispatcher("metrics", metrics_router, nullptr), file_reader);
  }
}

// What each part shows of itself in /metrics; loops put theirs there by their observer.
void Server::Parts::add_figures() {
  const auto leading = [this] { return leader->leading(); };
  add_metrics(metrics, db);
  add_metrics(metrics, access);
  add_metrics(metrics, audit);
  add_metrics(metrics, exchanges);
  add_metrics(metrics, presence);
  if (standing) add_metrics(metrics, *standing);
  if (revocation) add_metrics(metrics, *revocation);
  add_metrics(metrics, *patches);
  add_metrics(metrics, desired);
  if (mqtt) add_metrics(metrics, "leader", *mqtt);
  if (share) add_metrics(metrics, "share", *share);
  add_metrics(metrics, quarantine);
  add_metrics(metrics, *states);
  add_metrics(metrics, *collector);
  add_metrics(metrics, telemetry);
  add_metrics(metrics, packing);
  add_metrics(metrics, labels);
  metrics.include([this] { return served.families(); });
  metrics.include([] { return process_figures(ARGOSY_VERSION); });
  add_metrics(metrics, drift, leading);
  add_metrics(metrics, alerts, leading);
  add_metrics(metrics, notify, leading);
  add_metrics(metrics, rules, leading);
  add_metrics(metrics, retention);
  add_metrics(metrics, *leader);
  add_metrics(metrics, "operator", "people and pipelines", *operator_server);
  if (device_server) add_metrics(metrics, "device", "agents", *device_server);
}

// An instance sends its own, and the one that leads the fleet's, too.
Task<std::vector<FigureFamily>> Server::Parts::all_figures() {
  auto all = metrics.families();
  if (!leader->leading()) co_return all;
  const auto fleet = co_await fleet_figures.current();
  if (!fleet) spdlog::warn("the fleet's figures are not exported: {}", fleet.error().message);
  if (fleet) all.insert(all.end(), (*fleet)->begin(), (*fleet)->end());
  co_return all;
}

void Server::Parts::start_export() {
  if (config.otlp_endpoint.empty()) return;
  OtlpOptions options = otlp_options(config, otlp_target(config.otlp_endpoint, config.otlp_headers).value(), instance);
  options.observe = loop_observer(metrics);
  exporter = std::make_unique<OtlpExporter>(io, std::move(options), [this] { return all_figures(); });
  add_metrics(metrics, *exporter);
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::create(asio::io_context& io, const Config& config) {
  auto authority = read_authority(config);
  if (!authority) {
    return std::move(authority).error().within(
        "the fleet's authority (make it with argosyd --init-pki, or set "
        "http.device.enabled=false)");
  }
  ARGOSY_CHECK(check_share(config));
  ARGOSY_CHECK(check_otlp(config));
  ARGOSY_TRY(const auto applied, migrate(config.database_conninfo, built_in_migrations()));
  for (const std::string& name : applied) spdlog::info("applied migration {}", name);
  const auto make_blobs = [](Parts& parts) {
    return BlobService::open(parts.db, parts.worker, blob_options(parts.config));
  };
  auto parts = std::make_unique<Parts>(io, config, std::move(*authority), make_blobs);
  if (!parts->blobs) return std::move(parts->blobs).error().within("the store");
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

// The one that led before may have died with a message in hand: that is known before the broker sends it to us.
Task<void> Server::take_lead(Parts& parts) {
  const auto remembered = co_await parts.quarantine.load(wall_clock_now());
  if (!remembered) spdlog::warn("reading the quarantine: {}", remembered.error().message);
  if (parts.holds_lead && parts.lead) parts.leader->start({advisory_lock::leader, parts.lead->fence()});
}

Task<Result<void>> Server::start() {
  Parts& parts = *parts_;
  const Instant now = wall_clock_now();
  ARGOSY_CO_CHECK(co_await parts.telemetry.tick(now));   // partitions before the first window
  ARGOSY_CO_CHECK(co_await parts.quarantine.load(now));  // what must not be taken again
  ARGOSY_CO_CHECK(parts.operator_server->start());
  if (parts.device_server) ARGOSY_CO_CHECK(parts.device_server->start());
  if (parts.metrics_server) ARGOSY_CO_CHECK(parts.metrics_server->start());
  parts.events.start();
  parts.watch_authority();
  if (parts.revocation) {
    parts.loops.add({.name = "revocations", .interval = revocation_interval},
                    [&parts](Instant at) { return parts.revocation->tick(at, parts.leader->leading()); });
  }
  parts.loops.add({.name = "window rates", .interval = 5s}, round_of<&WindowNews::tell_rate>(parts.window_news));
  parts.upkeep = std::make_unique<Loop>(
      parts.io, LoopOptions{.name = "quarantine", .interval = Duration{2000}, .observe = loop_observer(parts.metrics)},
      [&parts](Instant at) { return parts.quarantine.tick(at); });
  parts.start_export();
  if (parts.share) parts.share->start();
  parts.patches->start(parts.io, patch_makers(parts.config));
  parts.lead = std::make_unique<SessionLock>(parts.io, leader_lock_options(parts.config), [&parts](bool held) {
    parts.holds_lead = held;
    if (!held) return parts.leader->stop();
    asio::co_spawn(parts.io, take_lead(parts), asio::detached);
  });

  const std::string url = public_url(parts.config, operator_port());
  spdlog::info("argosyd {} serves people on {}", ARGOSY_VERSION, url);
  if (parts.metrics_server) spdlog::info("metrics: http://{}:{}/metrics", parts.config.metrics_address, metrics_port());
  if (parts.device_server) spdlog::info("agents: https://{}:{}", parts.config.device_address, device_port());
  ARGOSY_CO_TRY(const std::string token, co_await parts.access.make_admin_link(true, wall_clock_now()));
  if (!token.empty()) {
    std::cout << "First start: there are no users yet. Open this link to sign in as admin and set a password; it works "
                 "once, within "
              << parts.config.access_link_minutes << " minutes:\n  " << login_link(url, token) << std::endl;
  }
  co_return Result<void>{};
}

Task<void> Server::stop() {
  Parts& parts = *parts_;
  const auto grace = Duration{parts.config.shutdown_grace_ms};
  parts.loops.request_stop();
  parts.holds_lead = false;
  parts.lead.reset();  // another instance may take over at once
  parts.leader->stop();
  parts.events.stop();
  parts.authority_news.reset();
  if (parts.authority_rounds) parts.authority_rounds->request_stop();
  parts.states->stop();
  if (parts.share) parts.share->stop();
  if (parts.exporter) co_await parts.exporter->stop();
  if (parts.upkeep) {
    co_await parts.upkeep->stop();
  }
  co_await end_work(parts.io, *parts.patches, *parts.leader, *parts.collector, parts.loops, grace);
  co_await parts.operator_server->stop(grace);
  if (parts.device_server) {
    co_await parts.device_server->stop(grace);
  }
  if (parts.metrics_server) {
    co_await parts.metrics_server->stop(grace);
  }
}

std::uint16_t Server::operator_port() const {
  return parts_->operator_server->port();
}
std::uint16_t Server::metrics_port() const {
  return parts_->metrics_server ? parts_->metrics_server->port() : 0;
}
std::uint16_t Server::device_port() const {
  return parts_->device_server ? parts_->device_server->port() : 0;
}
const Router& Server::operator_routes() const {
  return parts_->operator_router;
}
const Router& Server::device_routes() const {
  return parts_->device_router;
}

}  // namespace argosy::server
