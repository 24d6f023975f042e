#include "server/rollouts/desired/desired_builder_store.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"
#include "server/models/patch_choice.hpp"
#include "server/models/release.hpp"
#include "server/rollouts/core/policy.hpp"
#include "server/rollouts/core/variant_plan.hpp"
#include "server/rollouts/store/release_rows_store.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

// What stands in a row may be of another version of this program, or of a hand: then only what needs it fails.
template <class T, class Read>
Result<T> read_stored(const std::string& what, Read read) {
  try {
    Result<T> value = read();
    if (!value) return std::move(value).error().within(what);
    return value;
  } catch (const Json::exception&) {
    return make_error(Errc::corrupt, what + " is stored in a form that cannot be read");
  } catch (const pqxx::conversion_error&) {
    return make_error(Errc::corrupt, what + " holds a number that cannot be read");
  }
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

std::string DesiredBuilder::device_columns() {
  return "select d.id, d.hardware_class, d.capabilities::text, d.desired_rev, (select s.download_bytes_per_s "
         "from device_state s where s.device_id = d.id) from devices d ";
}

std::vector<BuiltDocument> DesiredBuilder::build_all(const pqxx::result& devices) {
  Json ids = Json::array();
  for (const auto& device : devices) ids.push_back(device[0].as<std::string>());
  const auto rows = transaction_.exec_params(
      "select t.device_id, t.model, t.release_id, coalesce(t.rollout_id, 0), t.attempt, coalesce(m.digest, ''), "
      "coalesce(m.previous_digest, '') from device_targets t left join device_models m "
      "on m.device_id = t.device_id and m.model = t.model "
      "where t.device_id in (select jsonb_array_elements_text($1::jsonb)) order by t.device_id, t.model",
      ids.dump());
  TargetRows targets;
  for (const auto& row : rows) targets[row[0].as<std::string>()].push_back(row);
  std::vector<BuiltDocument> built;
  built.reserve(devices.size());
  for (const auto& device : devices) {
    auto id = device[0].as<std::string>();
    auto document = read_stored<wire::Desired>("device '" + id + "'", [&] { return build_one(device, targets[id]); });
    built.push_back({std::move(id), device[3].as<std::int64_t>(), std::move(document)});
  }
  return built;
}

Result<wire::Desired> DesiredBuilder::build_one(const pqxx::row& device, const std::vector<pqxx::row>& targets) {
  wire::Desired desired;
  desired.device = device[0].as<std::string>();
  desired.rev = device[3].as<std::int64_t>();
  const auto hardware_class = device[1].as<std::string>();
  const auto capabilities = capabilities_of(device[2].as<std::string>());
  PatchTaker taker;
  taker.architecture = capabilities.architecture;
  if (!device[4].is_null()) taker.download_bytes_per_s = device[4].as<std::uint64_t>();
  for (const auto& target : targets) {
    ARGOSY_TRY(const auto release, release_of(target[2].as<std::int64_t>()));
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
  model.model = target[1].as<std::string>();
  model.version = release.version;
  model.rollout = target[3].as<std::int64_t>();
  model.attempt = target[4].as<int>();
  model.format = variant.format;
  model.artifact = {variant.digest, variant.size};
  taker.bases = {target[5].as<std::string>(), target[6].as<std::string>()};
  model.patches = choose_patches(patches_.towards(variant.digest), model.artifact, taker);
  model.validation = release.validation;
  model.probation = probation_of(model.rollout);
  model.features = release.features;
  model.signature = release.signature;
  return model;
}

Result<std::shared_ptr<const ReleaseContent>> DesiredBuilder::release_of(std::int64_t id) {
  const auto found = releases_.find(id);
  if (found != releases_.end()) return found->second;
  const auto row_version =
      transaction_.exec_params1("select xmin::text from releases where id = $1", id)[0].as<std::string>();
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
      "select version, validation::text, reference::text, signature_statement, signature_bundle, "
      "signature_key_sets::text, xmin::text from releases where id = $1",
      id);
  row_version = row[6].as<std::string>();
  ReleaseContent content;
  content.version = row[0].as<std::string>();
  ARGOSY_TRY(auto validation, validation_from_json(row[1].as<std::string>()));
  content.validation = validation.value_or(wire::ValidationSpec{});
  ARGOSY_TRY(content.features, reference_from_json(row[2].as<std::string>()));
  ARGOSY_TRY(content.variants, load_variants(transaction_, id));
  if (!row[3].is_null()) {
    ARGOSY_TRY(auto key_sets, key_sets_from_json(row[5].as<std::string>()));
    content.signature = wire::ReleaseSignature{row[3].as<std::string>(), row[4].as<std::string>(), std::move(key_sets)};
  }
  return content;
}

// A policy that cannot be read has the usual probation: its rollout can only be stopped, and must be.
wire::ProbationSpec DesiredBuilder::probation_of(std::int64_t rollout) {
  const auto found = probations_.find(rollout);
  if (found != probations_.end()) return found->second;
  const auto rows = transaction_.exec_params("select policy::text from rollouts where id = $1", rollout);
  const auto probation = read_stored<wire::ProbationSpec>("the policy", [&]() -> Result<wire::ProbationSpec> {
    if (rows.empty()) return Policy{}.probation;
    ARGOSY_TRY(const auto policy, decode_policy(json_or_null(rows[0][0].as<std::string>())));
    return policy.probation;
  });
  return probations_.emplace(rollout, probation ? *probation : Policy{}.probation).first->second;
}

}  // namespace argosy::server
