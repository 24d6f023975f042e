#include "server/rollouts/desired/desired_builder_store.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"
#include "server/db/rows.hpp"
#include "server/db/statement.hpp"
#include "server/models/patch_choice.hpp"
#include "server/models/release.hpp"
#include "server/rollouts/core/policy.hpp"
#include "server/rollouts/core/variant_plan.hpp"
#include "server/rollouts/store/release_rows_store.hpp"

namespace argosy::server {
namespace {

// What stands in a row may be of another version of this program, or of a hand: then only what needs it fails.
template <class T, class Read>
Result<T> read_stored(const std::string& what, Read read) {
  try {
    Result<T> value = read();
    if (!value) return std::move(value).error().within(what);
    return value;
  } catch (const nlohmann::json::exception&) {
    return make_error(Errc::corrupt, what + " is stored in a form that cannot be read");
  } catch (const pqxx::conversion_error&) {
    return make_error(Errc::corrupt, what + " holds a number that cannot be read");
  }
}

std::vector<HeldVersion> slots_of(const pqxx::row& target) {
  return {{target["version"].as<std::string>(), target["digest"].as<std::string>()},
          {target["previous_version"].as<std::string>(), target["previous_digest"].as<std::string>()}};
}

}  // namespace

std::shared_ptr<const ReleaseContent> ReleaseCache::find(std::int64_t id, const std::string& row_version) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.row_version != row_version) return nullptr;
  return found->second.content;
}

void ReleaseCache::keep(std::int64_t id, std::string row_version, std::shared_ptr<const ReleaseContent> content) {
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= kept && entries_.find(id) == entries_.end()) entries_.erase(entries_.begin());  // the oldest
  entries_.insert_or_assign(id, Entry{std::move(row_version), std::move(content)});
}

std::string DesiredBuilder::select_devices(const std::string& condition) {
  return R"sql(
    select d.id, d.hardware_class, d.capabilities, d.desired_rev,
      (select s.download_bytes_per_s from device_state s where s.device_id = d.id) as download_bytes_per_s
    from devices d
  )sql" + condition;
}

std::vector<BuiltDocument> DesiredBuilder::build(const pqxx::result& devices) {
  static const Statement find_targets{"find_targets", R"sql(
    select t.device_id, t.model, t.release_id, coalesce(t.rollout_id, 0) as rollout_id, t.attempt,
      coalesce(m.version, '') as version, coalesce(m.digest, '') as digest,
      coalesce(m.previous_version, '') as previous_version, coalesce(m.previous_digest, '') as previous_digest
    from device_targets t
    left join device_models m on m.device_id = t.device_id and m.model = t.model
    where t.device_id in (select unnest($1::text[]))
    order by t.device_id, t.model
  )sql"};
  std::vector<std::string> ids;
  for (const auto& device : devices) ids.push_back(device["id"].as<std::string>());
  TargetRows targets;
  for (const auto& row : exec_prepared(transaction_, find_targets, pg_array(ids)))
    targets[row["device_id"].as<std::string>()].push_back(row);
  std::vector<BuiltDocument> built;
  built.reserve(devices.size());
  for (const auto& device : devices) {
    auto id = device["id"].as<std::string>();
    auto document = read_stored<wire::Desired>("device '" + id + "'", [&] { return build_one(device, targets[id]); });
    built.push_back({std::move(id), device["desired_rev"].as<std::int64_t>(), std::move(document)});
  }
  return built;
}

Result<wire::Desired> DesiredBuilder::build_one(const pqxx::row& device, const std::vector<pqxx::row>& targets) {
  wire::Desired desired;
  desired.device = device["id"].as<std::string>();
  desired.rev = device["desired_rev"].as<std::int64_t>();
  const auto hardware_class = device["hardware_class"].as<std::string>();
  const auto capabilities = capabilities_of(device["capabilities"].as<std::string>());
  PatchTaker taker;
  taker.architecture = capabilities.architecture;
  taker.download_bytes_per_s = optional_of<std::uint64_t>(device["download_bytes_per_s"]);
  for (const auto& target : targets) {
    ARGOSY_TRY(const auto release, release_of(target["release_id"].as<std::int64_t>()));
    const auto choice = choose_variant(release->variants, capabilities, hardware_class);
    const auto* index = std::get_if<std::size_t>(&choice);
    if (index == nullptr) continue;  // it no longer suits: its capabilities have changed
    desired.models.push_back(build_model(target, *release, release->variants[*index], taker));
  }
  return desired;
}

wire::DesiredModel DesiredBuilder::build_model(const pqxx::row& target, const ReleaseContent& release,
                                               const Variant& variant, PatchTaker& taker) {
  wire::DesiredModel model;
  model.model = target["model"].as<std::string>();
  model.version = release.version;
  model.rollout = target["rollout_id"].as<std::int64_t>();
  model.attempt = target["attempt"].as<int>();
  model.format = variant.format;
  model.artifact = {variant.digest, variant.size};
  model.selector = variant.selector;
  model.onnx = variant.onnx;
  for (const wire::Part& part : variant.parts) model.parts.push_back({part.name, part.blob, {}});
  const PartsOf& parts_of = held_.try_emplace(model.model, held_parts(transaction_, model.model)).first->second;
  offer_patches(model, files_to_get(variant, slots_of(target), parts_of), taker);
  model.validation = release.validation;
  const DevicePolicy& policy = policy_of(model.rollout);
  if (target["release_id"].as<std::int64_t>() == policy.release) model.shadow = policy.shadow;
  model.probation = policy.probation;
  model.features = release.features;
  model.signature = release.signature;
  return model;
}

void DesiredBuilder::offer_patches(wire::DesiredModel& model, const std::vector<FileToGet>& files, PatchTaker& taker) {
  for (const FileToGet& file : files) {
    taker.bases = file.bases;
    auto offers = choose_patches(patches_.towards(file.blob.digest), file.blob, taker);
    if (file.blob == model.artifact) model.patches = offers;
    for (wire::PartOffer& part : model.parts)
      if (part.artifact == file.blob) part.patches = offers;
  }
}

Result<std::shared_ptr<const ReleaseContent>> DesiredBuilder::release_of(std::int64_t id) {
  const auto found = releases_.find(id);
  if (found != releases_.end()) return found->second;
  static const Statement find_row_version{"find_row_version", "select xmin from releases where id = $1"};
  const auto row_version = exec_prepared(transaction_, find_row_version, id).at(0)[0].as<std::string>();
  Result<std::shared_ptr<const ReleaseContent>> content = cache_.find(id, row_version);
  if (*content == nullptr) {
    std::string read_version;
    auto loaded =
        read_stored<ReleaseContent>("release " + std::to_string(id), [&] { return load_release(id, read_version); });
    if (loaded) {
      content = std::make_shared<const ReleaseContent>(std::move(*loaded));
      cache_.keep(id, read_version, *content);
    } else {
      content = loaded.error();
    }
  }
  return releases_.emplace(id, std::move(content)).first->second;
}

Result<ReleaseContent> DesiredBuilder::load_release(std::int64_t id, std::string& row_version) {
  const auto row = transaction_.exec_params1(
      R"sql(
        select version, validation, reference, signature_statement, signature_bundle, signature_key_sets,
          xmin as row_version
        from releases
        where id = $1
      )sql",
      id);
  row_version = row["row_version"].as<std::string>();
  ReleaseContent content;
  content.version = row["version"].as<std::string>();
  ARGOSY_TRY(auto validation, validation_from_json(row["validation"].as<std::string>()));
  content.validation = validation.value_or(wire::ValidationSpec{});
  ARGOSY_TRY(content.features, reference_from_json(row["reference"].as<std::string>()));
  ARGOSY_TRY(content.variants, load_variants(transaction_, id));
  if (!row["signature_statement"].is_null()) {
    ARGOSY_TRY(auto key_sets, key_sets_from_json(row["signature_key_sets"].as<std::string>()));
    content.signature = wire::ReleaseSignature{row["signature_statement"].as<std::string>(),
                                               row["signature_bundle"].as<std::string>(), std::move(key_sets)};
  }
  return content;
}

// A policy that cannot be read has the usual probation, and no shadow run: its rollout can only be stopped, and must
// be.
const DevicePolicy& DesiredBuilder::policy_of(std::int64_t rollout) {
  const auto found = policies_.find(rollout);
  if (found != policies_.end()) return found->second;
  static const Statement find_policy{"find_policy", "select policy, release_id from rollouts where id = $1"};
  const auto rows = exec_prepared(transaction_, find_policy, rollout);
  const auto policy = read_stored<Policy>("the policy", [&]() -> Result<Policy> {
    if (rows.empty()) return Policy{};
    return decode_policy(json_or_null(rows[0][0].as<std::string>()));
  });
  const Policy usual;
  const Policy& read = policy ? *policy : usual;
  const auto release = rows.empty() ? 0 : rows[0]["release_id"].as<std::int64_t>();
  return policies_.emplace(rollout, DevicePolicy{release, read.shadow, read.probation}).first->second;
}

}  // namespace argosy::server
