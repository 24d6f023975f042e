#include "agent/app/agent.hpp"

#include <map>
#include <sstream>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <spdlog/spdlog.h>

#include "agent/app/asked_program.hpp"
#include "agent/app/make_serving.hpp"
#include "agent/app/models.hpp"
#include "agent/app/recent_lines.hpp"
#include "agent/app/service_manager.hpp"
#include "agent/app/taken_root.hpp"
#include "agent/app/telemetry_source.hpp"
#include "agent/app/uplink.hpp"
#include "agent/app/way_out.hpp"
#include "agent/inventory/inventory.hpp"
#include "agent/link/blob_fetcher.hpp"
#include "agent/link/device_clock.hpp"
#include "agent/link/local_http.hpp"
#include "agent/telemetry/look_pace.hpp"
#include "agent/telemetry/nvml.hpp"
#include "agent/update/download_gate.hpp"
#include "agent/update/job_thread.hpp"
#include "agent/update/local_clock.hpp"
#include "common/base/text.hpp"
#include "common/json/json_reader.hpp"

namespace argosy::agent {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr Duration tick{500};
constexpr Duration longest_between_looks{15'000};
constexpr Duration between_inventories = std::chrono::hours(1);
constexpr Duration between_floors = std::chrono::hours(1);

RecentLines& recent_lines() {
  static RecentLines lines;
  return lines;
}

void log_line(const std::string& line) {
  recent_lines().add(wall_clock_now(), line);
  spdlog::info("{}", line);
}

// Fires every `period`; a late turn does not make the next ones bunch up.
class Repeating {
 public:
  Repeating(asio::io_context& io, Duration period, std::function<void()> turn)
      : timer_(io), period_(period), turn_(std::move(turn)) {}
  void start() {
    timer_.expires_after(period_);
    wait();
  }
  void stop() { timer_.cancel(); }

 private:
  void wait() {
    timer_.async_wait([this](error_code cancelled) {
      if (cancelled) return;
      turn_();
      const auto now = asio::steady_timer::clock_type::now();
      timer_.expires_at(std::max(timer_.expiry() + period_, now));
      wait();
    });
  }
  asio::steady_timer timer_;
  Duration period_;
  std::function<void()> turn_;
};

// Often enough that a window holds nearly all that was served in it.
Duration between_looks(const Config& config) {
  return std::min(config.window / 2, longest_between_looks);
}

std::optional<wire::OnnxReach> reach_of(const std::string& json) {
  auto fields = JsonReader::parse(json);
  if (!fields) return std::nullopt;
  wire::OnnxReach reach;
  wire::read_reach(*fields, reach);
  return fields->finish() ? std::optional(reach) : std::nullopt;
}

class Agent {
 public:
  Agent(const Config& config, DeviceClock& clock, TrustPolicy trust, Endpoint endpoint, const WayOut& way_out,
        TelemetrySource source, ServiceManager manager, std::uint64_t seed)
      : config_(config),
        clock_(clock),
        manager_(std::move(manager)),
        storage_(config.root),
        source_(std::move(source)),
        serving_(make_serving(config.serving, local_http_, seed)),
        https_(io_.get_executor(), endpoint, way_out.proxies.for_host(endpoint.host), &clock),
        gate_(config.downloads.rules, storage_.spent(), {hour_by(clock), system_clock_on_the_wall, log_line}),
        blobs_({io_.get_executor(), &https_, job_port(), Duration{30'000}, &gate_, way_out.redirects, way_out.proxies}),
        models_(storage_, models_options(config, std::move(trust), seed), updater_ports(), source_.windows(),
                [this] { uplink_.state_changed(); }),
        uplink_(io_, config, IdentityStore(storage_.identity()), https_, way_out.proxies, source_.outbox(),
                storage_.root() / "state" / "session", seed, uplink_ports()),
        observations_(io_),
        observations_pace_(source_.socket().queue()),
        observations_rest_(io_),
        signals_(io_, SIGTERM, SIGINT),
        ticking_(io_, tick, [this] { on_tick(); }),
        windows_(io_, config.window, [this] { on_window(); }),
        looks_(io_, between_looks(config), [this] { look(); }),
        health_(io_, config.health, [this] { sample_health(); }),
        inventories_(io_, between_inventories, [this] { look_at_inventory(); }),
        runner_(io_, {{config.runner.string(), "--engine"}}, [this](Result<std::string> said) { note_runner(said); }),
        readings_(io_, {config.readings.command, config.readings.timeout, most_readings_bytes},
                  [this](Result<std::string> said) { take_readings(std::move(said)); }),
        reading_(io_, config.readings.every, [this] { readings_.ask(); }),
        watchdog_(io_, manager_.watch_period().value_or(Duration::zero()), [this] { manager_.alive(); }) {}

  void run() {
    inventory_ = take_inventory();  // before there is a wish to judge
    source_.trust_time(clock_.is_known());
    clock_.on_set([this](Duration by) { on_clock_set(by); });
    board_ahead_ = clock_.board_ahead();
    models_.start();
    sample_health();
    runner_.ask();
    if (!config_.readings.command.empty()) {
      readings_.ask();
      reading_.start();
    }
    uplink_.start();
    ticking_.start();
    windows_.start();
    look();
    looks_.start();
    health_.start();
    inventories_.start();
    if (manager_.watch_period()) watchdog_.start();
    watch_observations();
    signals_.async_wait([this](error_code cancelled, int) {
      if (!cancelled) stop();
    });
    manager_.ready();
    io_.run();
  }

 private:
  static Models::Options models_options(const Config& config, TrustPolicy trust, std::uint64_t seed) {
    return {config.device,
            config.runner,
            config.local_dataset,
            seed,
            std::move(trust),
            config.validation_commands,
            config.local_datasets,
            config.validation_metrics,
            config.validation_open_box};
  }
  std::function<bool(std::function<void()>)> job_port() {
    return [this](std::function<void()> job) { return jobs_.post(std::move(job)); };
  }
  UpdaterPorts updater_ports() {
    UpdaterPorts ports;
    ports.run_job = job_port();
    ports.on_loop = [this](std::function<void()> f) { asio::post(io_, std::move(f)); };
    ports.now = [&clock = clock_] { return clock.ageing(); };
    ports.ages_count = [&clock = clock_] {
      return clock.is_known() && std::chrono::abs(clock.board_ahead()) < DeviceClock::worth_saying;
    };
    ports.hold_switch = [&windows = config_.activation_windows, now = hour_by(clock_)] {
      return wait_for_window(windows, "activation.windows", now(), system_clock_on_the_wall());
    };
    ports.capabilities = [this] { return capabilities(); };
    ports.log = log_line;
    ports.blobs = &blobs_;
    ports.serving = serving_.get();
    return ports;
  }
  Uplink::Ports uplink_ports() {
    Uplink::Ports ports;
    ports.take_desired = [this](const wire::Desired& desired) { models_.take(desired); };
    ports.known_rev = [this] { return models_.rev(); };
    ports.models = [this] { return models_.reports(); };
    ports.download_bytes_per_s = [this] { return blobs_.bytes_per_s(); };
    ports.newest_health = [this] { return source_.newest_health(); };
    ports.readings_fault = [this] { return source_.readings_fault(); };
    ports.label_answers = [this] { return source_.handed_labels().request(); };
    ports.take_labels = [this](const wire::LabelAnswers& asked, const wire::HandedLabels& handed) {
      source_.take_labels(asked, handed, clock_.now());
    };
    ports.capabilities = [this] { return capabilities(); };
    ports.now = now_by(clock_);
    ports.ageing = [&clock = clock_] { return clock.ageing(); };
    ports.time_is_known = [&clock = clock_] { return clock.is_known(); };
    ports.board_ahead = [&clock = clock_] { return clock.board_ahead(); };
    ports.conditions = [this] { return conditions_of_device(); };
    ports.health_waits = [this] { return !source_.disk_fault().empty(); };
    ports.diagnose = [this] { return diagnose(); };
    ports.log = log_line;
    return ports;
  }

  wire::Diagnostics diagnose() const {
    wire::Diagnostics diagnostics;
    diagnostics.started_at = started_at_;
    diagnostics.outbox_records = source_.outbox().records();
    diagnostics.outbox_bytes = source_.outbox().bytes();
    diagnostics.journals = models_.journals();
    diagnostics.log = recent_lines().all();
    return diagnostics;
  }

  wire::Capabilities capabilities() {
    wire::Capabilities known = config_.capabilities;
    known.runtime_versions = source_.runtimes().versions();
    known.inventory = inventory_;
    known.inventory.onnx = engine_reach_;
    return known;
  }
  // A device plugged in or a library installed; on the job thread.
  void look_at_inventory() {
    jobs_.post([this] {
      asio::post(io_, [this, seen = take_inventory()] {
        if (seen == inventory_) return;
        inventory_ = seen;
        uplink_.state_changed();
      });
    });
  }
  // Its lines are the name and version of what it runs models with, and how new a model that may be. Where a program
  // of the owner's runs such models in its place, that says nothing.
  void note_runner(const Result<std::string>& said) {
    if (!said) return log_line("the runner does not tell its engine: " + said.error().message);
    std::istringstream lines(*said);
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("onnx "))
        source_.runtimes().note("runner", line);
      else if (!config_.validation_commands.contains("onnx"))
        engine_reach_ = reach_of(line.substr(5));
    }
    uplink_.state_changed();
  }
  void take_readings(Result<std::string> said) {
    source_.take_readings(said ? parse_readings(*said) : Result<Readings>(std::move(said).error()));
  }
  void sample_health() { source_.sample_health(clock_.now(), uplink_.clock_offset()); }
  void on_tick() {
    watch_clock();
    source_.tick();
    models_.tick();
    tell_conditions();
    uplink_.pump();
  }

  void on_clock_set(Duration by) {
    log_line("the clock is set by " + std::to_string(by.count() / 1000) + " s, to " + to_rfc3339(clock_.now()));
    source_.shift(by);
  }
  void watch_clock() {
    clock_.look();
    source_.trust_time(clock_.is_known());
    const Duration ahead = clock_.board_ahead();
    const Duration moved = ahead - std::exchange(board_ahead_, ahead);
    if (moved > DeviceClock::tolerance || -moved > DeviceClock::tolerance) uplink_.board_clock_was_set();
    const auto known = clock_.worth_keeping();
    if (!known || (floor_kept_at_ && clock_.ageing() - *floor_kept_at_ < between_floors)) return;
    floor_kept_at_ = clock_.ageing();
    keep_floor();
  }
  void keep_floor() {
    const auto known = clock_.worth_keeping();
    if (!known) return;
    const auto kept = agent::keep_floor(storage_.clock(), *known);
    if (!kept) log_line("the time cannot be kept for the next start: " + kept.error().message);
  }

  std::vector<wire::Condition> conditions_of_device() const {
    std::vector<wire::Condition> conditions;
    const auto add = [&conditions](const char* kind, const std::string& message) {
      if (!message.empty()) conditions.push_back({kind, shortened(message, wire::most_fault_bytes / 4 - 3)});
    };
    add("clock_wrong", clock_.fault());
    add(source_.is_disk_full() ? "disk_full" : "disk_fault", source_.disk_fault());
    add("name_differs", config_.name_fault);
    return conditions;
  }
  // What begins or ends is told at once, and written to the log.
  void tell_conditions() {
    std::map<std::string, std::string> present;
    for (auto& [kind, message] : conditions_of_device()) present.emplace(kind, std::move(message));
    bool changed = false;
    for (const auto& [kind, message] : present)
      if (!told_.contains(kind)) log_line(message), changed = true;
    for (const auto& [kind, message] : told_)
      if (!present.contains(kind)) log_line("no longer " + kind), changed = true;
    told_ = std::move(present);
    if (changed) uplink_.state_changed();
  }
  void on_window() {
    source_.end_window(clock_.now());
    models_.window_ended();
    if (source_.handed_labels().has_answers()) uplink_.fetch_labels();
    uplink_.pump();
  }
  // On the job thread, one at a time: a server that does not answer keeps nobody waiting but the next job.
  void look() {
    if (looking_) return;
    looking_ = jobs_.post([this, served = models_.served()] {
      ServingStatus status = serving_->look(served);
      asio::post(io_, [this, status = std::move(status)] {
        looking_ = false;
        source_.runtimes().note("server", status.runtime);
        models_.note_status(status, clock_.now());
      });
    });
  }
  void watch_observations() {
    if (!observations_.is_open()) observations_.assign(source_.socket().fd());
    observations_.async_wait(asio::posix::stream_descriptor::wait_read, [this](error_code cancelled) {
      if (!cancelled) take_observations();
    });
  }
  void take_observations() {
    const auto taken = source_.take_observations(
        [this](const std::string& model) { return models_.serving_version(model); },
        [this](const std::string& model, const ShadowAnswer& answer) { models_.count_shadow(model, answer); },
        clock_.now());
    const auto rest = observations_pace_.after(taken, LookPace::Clock::now());
    if (!rest) return watch_observations();
    if (observations_.is_open()) observations_.release();  // or the loop would be woken all the same
    observations_rest_.expires_after(*rest);
    observations_rest_.async_wait([this](error_code cancelled) {
      if (!cancelled) take_observations();
    });
  }
  void stop() {
    log_line("stopping");
    manager_.stopping();
    models_.stop();
    serving_->stop();
    on_window();
    source_.put_down_all();
    keep_floor();
    uplink_.stop();
    if (observations_.is_open()) observations_.release();
    io_.stop();
  }

  static std::function<Instant()> now_by(const DeviceClock& clock) {
    return [&clock] { return clock.now(); };
  }
  // A floor is no hour of the day: until the time is known the board's clock tells it, or says that it does not know.
  static std::function<Instant()> hour_by(const DeviceClock& clock) {
    return [&clock] { return clock.is_known() ? clock.now() : wall_clock_now(); };
  }

  const Config& config_;
  DeviceClock& clock_;
  const Instant started_at_ = clock_.now();
  ServiceManager manager_;
  Storage storage_;
  asio::io_context io_{1};
  TelemetrySource source_;
  LocalHttp local_http_;
  std::unique_ptr<Serving> serving_;
  HttpsClient https_;
  DownloadGate gate_;
  BlobFetcher blobs_;
  Models models_;
  Uplink uplink_;
  asio::posix::stream_descriptor observations_;  // only while the socket is watched; the socket stays its source's
  LookPace observations_pace_;
  asio::steady_timer observations_rest_;
  asio::signal_set signals_;
  Repeating ticking_;
  Repeating windows_;
  Repeating looks_;
  Repeating health_;
  Repeating inventories_;
  wire::Inventory inventory_;
  std::optional<wire::OnnxReach> engine_reach_;
  AskedProgram runner_;  // once, for its engine
  AskedProgram readings_;
  Repeating reading_;
  Repeating watchdog_;  // of the loop: it is fed by the loop alone
  bool looking_ = false;
  Duration board_ahead_{0};                  // at the last tick
  std::optional<Instant> floor_kept_at_;     // by the clock that is never set
  std::map<std::string, std::string> told_;  // conditions, by kind
  JobThread jobs_;                           // ends first: its jobs use what is above
};

std::uint64_t device_seed() {
  const Bytes entropy = secure_random(8);
  std::uint64_t seed = 0;
  for (const std::uint8_t byte : entropy) seed = seed << 8 | byte;
  return seed;
}

// The name in the certificate is the device's, whatever its configuration or its host is called by now.
Config named_by_certificate(Config config, const IdentityStore& identities) {
  const auto known = identities.load();
  if (!known || !*known || (*known)->device == config.device) return config;
  config.name_fault = "its certificate names this device '" + (*known)->device +
                      "', and so it goes on; its configuration, or its host, calls it '" + config.device +
                      "' now. To have it enrol under that name, remove " + identities.folder().string();
  config.device = (*known)->device;
  return config;
}

// A disk that does not let them be opened keeps nobody from work: they are tried again with each record.
Result<Outbox> open_outbox(const Storage& storage, const Config& config) {
  const Outbox::Limits limits{config.outbox_max_bytes, config.outbox_max_age};
  auto outbox = Outbox::open(storage.outbox(), limits);
  if (outbox || outbox.error().code == Errc::incompatible) return outbox;
  log_line(outbox.error().message);
  return Outbox::closed(storage.outbox(), limits);
}

AwaitedLabels open_awaited(const Storage& storage) {
  auto awaited = AwaitedLabels::open(storage.awaited_labels(), {});
  if (awaited) return std::move(*awaited);
  log_line(awaited.error().message);
  return AwaitedLabels::closed(storage.awaited_labels(), {});
}

}  // namespace

Result<void> run_agent(const Config& given) {
  ServiceManager manager = ServiceManager::from_environment();
  ARGOSY_TRY(Endpoint endpoint, net::parse_endpoint(given.server));
  ARGOSY_TRY(TrustPolicy trust,
             load_policy(given.signing_keys, given.signing_required, {given.capabilities, given.hardware_class}));
  ARGOSY_TRY(const WayOut way_out, find_way_out(given));
  MqttLink::forget_environment();
  const Storage storage(given.root);
  const std::uint64_t seed = device_seed();
  ARGOSY_TRY(const UniqueFd root_lock, take_root(storage, manager, seed + 4, log_line, sleep_for));
  const Config config = named_by_certificate(given, IdentityStore(storage.identity()));
  DeviceClock clock(std::max(build_time(), load_floor(storage.clock())));
  ARGOSY_TRY(ObservationSocket socket, ObservationSocket::open(config.run_dir / "observe.sock", config.observe_group));
  ARGOSY_TRY(Outbox outbox, open_outbox(storage, config));
  HealthSampler::Options disk;
  disk.disk = config.root;
  if (config.nvml) disk.nvml = Nvml::usual_library;
  TelemetrySource source(std::move(socket), HealthSampler(disk), std::move(outbox), open_awaited(storage),
                         WindowAccumulator(clock.now(), config.feature_interval), log_line);
  log_line("argosy-agent " ARGOSY_VERSION " for " + config.device + " at " + config.server);
  Agent(config, clock, std::move(trust), std::move(endpoint), way_out, std::move(source), std::move(manager), seed)
      .run();
  return {};
}

}  // namespace argosy::agent
