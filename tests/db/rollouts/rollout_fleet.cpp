#include "tests/db/rollouts/rollout_fleet.hpp"

#include "common/base/random.hpp"

namespace argosy::server {
namespace {

std::string quoted(const std::string& text) {
  return "'" + text + "'";
}

std::string class_of(const std::string& device) {
  return device.substr(0, device.find('-'));
}

}  // namespace

std::string digest_of(const std::string& what) {
  std::string digest;
  for (std::uint64_t part = 0; part < 4; ++part) {
    const auto hash = stable_hash(part, what);
    digest += to_hex({reinterpret_cast<const std::uint8_t*>(&hash), sizeof hash});
  }
  return digest;
}

RolloutFleet::RolloutFleet() {
  folder = std::filesystem::temp_directory_path() / ("argosy_rollouts_" + to_hex(secure_random(8)));
  blobs.emplace(BlobService::open(pool, worker, {.folder = folder}).value());
  patches.emplace(pool, *blobs, worker);
  rollouts.emplace(pool, *patches, RolloutOptions{.guard_interval = Duration{0}});
  desired.emplace(pool);
  database.exec("insert into models (name) values ('digits')");
  database.exec("create table health_samples_all partition of health_samples default");
  publish("1.0");
  publish("1.1");
}

RolloutFleet::~RolloutFleet() {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

void RolloutFleet::add_device(const std::string& id, const std::string& hardware_class, const std::string& version) {
  const nlohmann::json capabilities{{"architecture", "x86_64"},    {"accelerators", {"cpu"}},
                                    {"runtimes", {"onnxruntime"}}, {"precisions", {hardware_class}},
                                    {"takes_parts", true},         {"memory_mb", 2048}};
  database.exec("insert into devices (id, hardware_class, capabilities, enrolled_at) values (" + quoted(id) + ", " +
                quoted(hardware_class) + ", " + quoted(capabilities.dump()) + ", " + quoted(to_rfc3339(now)) + ")");
  database.exec("insert into device_state (device_id, presence, presence_since) values (" + quoted(id) +
                ", 'online', now() - interval '1 day')");
  if (version.empty()) return;
  database.exec("insert into device_models (device_id, model, version, digest) values (" + quoted(id) + ", 'digits', " +
                quoted(version) + ", " + quoted(digest_of(version + hardware_class)) + ")");
}

void RolloutFleet::set_presence(const std::string& id, const std::string& presence) {
  database.exec("update device_state set presence = " + quoted(presence) +
                ", presence_since = " + quoted(to_rfc3339(now)) + " where device_id = " + quoted(id));
}

void RolloutFleet::add_twelve() {
  for (const std::string hardware_class : {"fp32", "int8"}) {
    for (int i = 1; i <= 6; ++i) add_device(hardware_class + "-" + std::to_string(i), hardware_class);
  }
}

void RolloutFleet::publish(const std::string& version) {
  const auto release = database.value<std::int64_t>(
      "insert into releases (model, version, created_by, published_at) values ('digits', " + quoted(version) +
      ", 'test', now()) returning id");
  for (const std::string precision : {"fp32", "int8"}) {
    const auto digest = quoted(digest_of(version + precision));
    database.exec("insert into blobs (digest, size) values (" + digest + ", 1000000)");
    database.exec("insert into variants (release_id, name, digest, size, format, selector) values (" +
                  std::to_string(release) + ", " + quoted(precision) + ", " + digest + ", 1000000, 'onnx', " +
                  quoted(nlohmann::json{{"precision", precision}}.dump()) + ")");
  }
}

std::int64_t RolloutFleet::create(const std::string& version, const nlohmann::json& policy) {
  nlohmann::json document{{"waves", {{{"share", 0.25}}, {{"share", 1.0}}}},
                          {"gate", {{"bake_s", 0}}},
                          {"guards", nlohmann::json::array()},
                          {"patch_wait_s", 0}};
  document.merge_patch(policy);
  NewRollout wanted{"digits " + version, "digits", version, "",
                    decode_policy(nlohmann::json::parse(document.dump())).value()};
  return run(rollouts->create(wanted, "user:ada", now)).value().id;
}

std::int64_t RolloutFleet::started(const std::string& version, const nlohmann::json& policy) {
  const auto id = create(version, policy);
  operate(id, Operation::start).value();
  return id;
}

Result<RolloutDetails> RolloutFleet::operate(std::int64_t id, Operation operation, const std::string& if_match,
                                             const std::string& cause) {
  return run(rollouts->operate({id, operation, if_match, cause, "user:ada"}, now));
}

RolloutDetails RolloutFleet::get(std::int64_t id) {
  return run(rollouts->get(id, now)).value();
}

std::vector<std::string> RolloutFleet::devices_in(std::int64_t id, const std::string& key) {
  std::vector<std::string> names;
  const auto page = run(rollouts->devices(id, key, "", 500, now)).value();
  for (const auto& device : page.items) names.push_back(device.device);
  return names;
}

void RolloutFleet::tick() {
  const auto measured = run(rollouts->measure(now));
  ASSERT_TRUE(measured) << measured.error().message;
  const auto ticked = run(rollouts->tick(now));
  ASSERT_TRUE(ticked) << ticked.error().message;
}

void RolloutFleet::report(std::int64_t id, const std::string& device, const std::string& state,
                          const std::string& cause) {
  report_update(id, device, state, cause, false);
}

void RolloutFleet::report_held(std::int64_t id, const std::string& device, bool held) {
  report_update(id, device, "downloading", "", held);
}

void RolloutFleet::report_shadow(std::int64_t id, const std::string& device, const std::string& state,
                                 const wire::ShadowCounts& counts) {
  report_update(id, device, state, "", false, counts);
}

void RolloutFleet::report_update(std::int64_t id, const std::string& device, const std::string& state,
                                 const std::string& cause, bool held, const std::optional<wire::ShadowCounts>& shadow) {
  const auto rollout = get(id).record;
  const auto attempt =
      database.value<int>("select attempt from rollout_devices where rollout_id = " + std::to_string(id) +
                          " and device_id = " + quoted(device));
  if (state == "committed") install(device, rollout.version);
  wire::DeviceState document;
  document.device = device;
  wire::ModelReport model;
  model.model = "digits";
  model.version =
      database.exec("select coalesce(max(version), '') from device_models where device_id = " + quoted(device))[0][0]
          .as<std::string>();
  model.digest = digest_of(model.version + class_of(device));
  wire::UpdateReport update;
  update.rollout = id;
  update.attempt = attempt;
  update.version = rollout.version;
  update.state = state;
  update.cause = cause;
  update.held = held;
  update.source = "patch";
  update.bytes = 12'000;
  update.full_bytes = 1'000'000;
  update.shadow = shadow;
  model.update = update;
  document.models = {model};
  const auto taken = run(rollouts->take_reports({document}, now));
  ASSERT_TRUE(taken) << taken.error().message;
}

void RolloutFleet::install(const std::string& device, const std::string& version) {
  database.exec("insert into device_models (device_id, model, version, digest) values (" + quoted(device) +
                ", 'digits', " + quoted(version) + ", " + quoted(digest_of(version + class_of(device))) +
                ") on conflict (device_id, model) do update set previous_version = device_models.version, "
                "previous_digest = device_models.digest, version = excluded.version, digest = excluded.digest");
}

void RolloutFleet::serve(const std::string& device, const std::string& version) {
  install(device, version);
  wire::DeviceState document;
  document.device = device;
  wire::ModelReport model;
  model.model = "digits";
  model.version = version;
  model.digest = digest_of(version + class_of(device));
  document.models = {model};
  const auto taken = run(rollouts->take_reports({document}, now));
  ASSERT_TRUE(taken) << taken.error().message;
}

void RolloutFleet::report_all(std::int64_t id, const std::string& key, const std::string& state,
                              const std::string& cause) {
  for (const auto& device : devices_in(id, key)) report(id, device, state, cause);
}

Counts RolloutFleet::recount(std::int64_t id) {
  Counts counts;
  const auto rows = database.exec(
      "select case when state = 'failed' then cause else state end, count(*) from rollout_devices "
      "where rollout_id = " +
      std::to_string(id) + " group by 1");
  for (const auto& row : rows) counts[row[0].as<std::string>()] = row[1].as<std::int64_t>();
  return counts;
}

std::string RolloutFleet::target_of(const std::string& device) {
  const auto rows = database.exec(
      "select l.version from device_targets t join releases l on l.id = t.release_id "
      "where t.device_id = " +
      quoted(device));
  return rows.empty() ? std::string() : rows[0][0].as<std::string>();
}

int RolloutFleet::decisions(std::int64_t id, const std::string& decision) {
  return database.value<int>("select count(*) from rollout_decisions where rollout_id = " + std::to_string(id) +
                             " and decision = " + quoted(decision));
}

}  // namespace argosy::server
